/* What the API's answers look like, for the OpenAPI document. */
#ifndef SERVE_SCHEMAS_H
#define SERVE_SCHEMAS_H

/* Members of an object: "Runs": {JSON Schema}, ... */
extern const char api_schemas[];

#endif
