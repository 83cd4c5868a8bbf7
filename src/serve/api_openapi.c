/* GET openapi.json: the API described by its own table of routes (OpenAPI 3.1). */
#include "serve/call.h"
#include "serve/routes.h"
#include "serve/schemas.h"

#include <string.h>

static void put_parameter(struct body *out, const struct parameter_fact *fact)
{
    body_open(out, '{');
    body_put_string(out, "name", fact->name);
    body_put_string(out, "in", "query");
    body_put_string(out, "description", fact->description);
    body_key(out, "schema");
    body_text(out, fact->schema);
    body_close(out, '}');
}

static void put_parameters(struct body *out, const struct route *route)
{
    body_key(out, "parameters");
    body_open(out, '[');
    if (strchr(route->path, '{') != NULL) {
        body_text(out, "{\"name\":\"vin\",\"in\":\"path\",\"required\":true,"
                       "\"description\":\"Identifier of the vehicle\","
                       "\"schema\":{\"type\":\"string\",\"minLength\":1}}");
    }
    for (size_t i = 0; i < parameter_fact_count; i++) {
        if (parameter_facts[i].takes == 0 || (route->takes & parameter_facts[i].takes) != 0) {
            put_parameter(out, &parameter_facts[i]);
        }
    }
    body_close(out, ']');
}

/* The media type without its parameters. */
static void put_media(struct body *out, const struct route *route)
{
    body_key(out, "content");
    body_open(out, '{');
    body_string_bytes(out, route->mime, strcspn(route->mime, ";"));
    body_text(out, ":{\"schema\":");
    if (route->schema != NULL) {
        body_printf(out, "{\"$ref\":\"#/components/schemas/%s\"}", route->schema);
    } else {
        body_printf(out, "{\"type\":\"%s\"}",
                    strcmp(route->mime, "application/json") == 0 ? "object" : "string");
    }
    body_text(out, "}");
    body_close(out, '}');
}

static void put_problem(struct body *out, const char *status, const char *description)
{
    body_key(out, status);
    body_printf(out,
                "{\"description\":\"%s\",\"content\":{\"application/problem+json\":{\"schema\":"
                "{\"$ref\":\"#/components/schemas/Problem\"}}}}",
                description);
}

static void put_responses(struct body *out, const struct route *route)
{
    body_key(out, "responses");
    body_open(out, '{');
    body_key(out, "200");
    body_open(out, '{');
    body_put_string(out, "description", route->summary);
    put_media(out, route);
    body_close(out, '}');
    if (route->kind == ROUTE_ANSWER) {
        body_key(out, "304");
        body_text(out, "{\"description\":\"As the ETag of If-None-Match has it\"}");
    }
    put_problem(out, "400", "A parameter is unknown or has a wrong value");
    if (route->kind != ROUTE_HEALTH) {
        put_problem(out, "401", "The server wants a token");
    }
    if (route->needs != NEEDS_NOTHING) {
        put_problem(out, "404", "No results yet, no run of that date, or no such vehicle");
        put_problem(out, "503", "Files are missing or just changing, or too many requests");
    }
    put_problem(out, "414", "The address is too long");
    put_problem(out, "421", "The server does not answer to that name");
    body_close(out, '}');
}

/* "/api/v1/vehicles/{vin}" as "vehicles_vin". */
static void put_operation_id(struct body *out, const char *path)
{
    char name[64];
    size_t size = 0;
    path += strncmp(path, "/api/v1/", 8) == 0 ? 8 : 1;
    for (; *path != '\0' && size < sizeof name - 1; path++) {
        if (*path != '{' && *path != '}') {
            name[size++] = *path == '/' || *path == '.' ? '_' : *path;
        }
    }
    name[size] = '\0';
    body_put_string(out, "operationId", name);
}

static void put_path(struct body *out, const struct route *route)
{
    body_key(out, route->path);
    body_open(out, '{');
    body_key(out, "get");
    body_open(out, '{');
    put_operation_id(out, route->path);
    body_put_string(out, "summary", route->summary);
    put_parameters(out, route);
    put_responses(out, route);
    body_close(out, '}');
    body_close(out, '}');
}

/* VEHICLE: the columns of gold, with reasons taken apart. */
static void put_vehicle_schema(struct body *out)
{
    static const char *const types[] = {
        [COLUMN_TEXT] = "\"string\"",      [COLUMN_BLOB] = "\"string\"",
        [COLUMN_WHOLE] = "\"integer\"",    [COLUMN_REAL] = "\"number\"",
        [COLUMN_TIMESTAMP] = "\"string\"", [COLUMN_DATE] = "\"string\"",
    };
    const struct table *table = fleet_table(TABLE_REPORTING);
    body_key(out, "VehicleRow");
    body_open(out, '{');
    body_put_string(out, "type", "object");
    body_put_string(out, "description", "One vehicle: the columns of gold's reporting_final");
    body_key(out, "properties");
    body_open(out, '{');
    for (size_t c = 0; c < table->column_count; c++) {
        if (strcmp(table->columns[c].name, "raisons") != 0) {
            body_key(out, table->columns[c].name);
            body_printf(out, "{\"type\":[%s,\"null\"]}", types[table->columns[c].type]);
        }
    }
    body_key(out, "raisons");
    body_text(out, "{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/Reason\"}}");
    body_key(out, "rank");
    body_text(out, "{\"type\":\"integer\",\"description\":\"place in the selection, from 1\"}");
    body_close(out, '}');
    body_close(out, '}');
}

int api_openapi(struct call *call)
{
    struct body *out = call->out;
    body_text(out,
              "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"AutoStream\",\"version\":"
              "\"" AUTOSTREAM_VERSION "\",\"description\":\"Results of predictive maintenance "
              "for a fleet. Names of columns are gold's; texts come in French and English; "
              "unknown is null; probabilities are 0..1.\",\"license\":{\"name\":\"Apache-2.0\","
              "\"identifier\":\"Apache-2.0\"}},\"security\":[{},{\"token\":[]}],\"paths\":");
    body_open(out, '{');
    for (size_t r = 0; r < route_count; r++) {
        put_path(out, &routes[r]);
    }
    body_close(out, '}');
    body_key(out, "components");
    body_text(out, "{\"securitySchemes\":{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"}},"
                   "\"schemas\":");
    body_open(out, '{');
    put_vehicle_schema(out);
    body_text(out, ",");
    body_text(out, api_schemas);
    body_close(out, '}');
    body_text(out, "}}");
    return 0;
}
