/* Streams that sleep between events; see events.h. */
#include "serve/events.h"

#include "base/arena.h"
#include "serve/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stream {
    struct stream *next, *previous;
    struct events *events;
    struct MHD_Connection *connection;
    uint64_t seen; /* news told */
    bool ping, asleep;
    size_t told, size; /* of what is being told */
    char text[256];
};

void events_init(struct events *events, struct metrics *metrics)
{
    *events = (struct events){.metrics = metrics};
    (void)pthread_mutex_init(&events->lock, NULL);
}

/* Wakes all; the lock is held. */
static void wake(struct events *events)
{
    for (struct stream *s = events->streams; s != NULL; s = s->next) {
        if (s->asleep) {
            s->asleep = false;
            MHD_resume_connection(s->connection);
        }
    }
}

void events_tell(struct events *events, const char *text)
{
    (void)pthread_mutex_lock(&events->lock);
    (void)snprintf(events->text, sizeof events->text, "%s", text);
    events->news++;
    wake(events);
    (void)pthread_mutex_unlock(&events->lock);
}

void events_ping(struct events *events)
{
    (void)pthread_mutex_lock(&events->lock);
    for (struct stream *s = events->streams; s != NULL; s = s->next) {
        s->ping = true;
    }
    wake(events);
    (void)pthread_mutex_unlock(&events->lock);
}

/* What to tell next, into the stream's text; false: nothing. */
static bool next_text(struct stream *stream)
{
    const struct events *events = stream->events;
    if (stream->seen != events->news) {
        stream->seen = events->news;
        (void)snprintf(stream->text, sizeof stream->text, "%s",
                       *events->text != '\0' ? events->text : ": no run yet\n\n");
    } else if (stream->ping) {
        stream->ping = false;
        (void)snprintf(stream->text, sizeof stream->text, ": ping\n\n");
    } else {
        return false;
    }
    stream->told = 0;
    stream->size = strlen(stream->text);
    return true;
}

static ssize_t read_stream(void *context, uint64_t position, char *out, size_t room)
{
    struct stream *stream = context;
    struct events *events = stream->events;
    ssize_t result = 0;
    (void)position;
    (void)pthread_mutex_lock(&events->lock);
    if (events->ending) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else if (stream->told < stream->size || next_text(stream)) {
        size_t size = stream->size - stream->told;
        size = size < room ? size : room;
        memcpy(out, stream->text + stream->told, size);
        stream->told += size;
        result = (ssize_t)size;
    } else {
        stream->asleep = true;
        MHD_suspend_connection(stream->connection);
    }
    (void)pthread_mutex_unlock(&events->lock);
    return result;
}

static void end_stream(void *context)
{
    struct stream *stream = context;
    struct events *events = stream->events;
    (void)pthread_mutex_lock(&events->lock);
    *(stream->previous != NULL ? &stream->previous->next : &events->streams) = stream->next;
    if (stream->next != NULL) {
        stream->next->previous = stream->previous;
    }
    (void)pthread_mutex_unlock(&events->lock);
    atomic_fetch_sub(&events->metrics->streams, 1);
    free(stream);
}

enum MHD_Result events_send(struct events *events, struct MHD_Connection *connection)
{
    enum { BLOCK = 512 };
    struct stream *stream = xcalloc(1, sizeof *stream);
    stream->events = events;
    stream->connection = connection;
    stream->seen = UINT64_MAX; /* what is known is told at once */
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream, stream, end_stream);
    if (response == NULL) {
        free(stream);
        return MHD_NO;
    }
    (void)pthread_mutex_lock(&events->lock);
    stream->next = events->streams;
    if (stream->next != NULL) {
        stream->next->previous = stream;
    }
    events->streams = stream;
    (void)pthread_mutex_unlock(&events->lock);
    atomic_fetch_add(&events->metrics->streams, 1);
    answer_add_headers(response);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

void events_end(struct events *events)
{
    (void)pthread_mutex_lock(&events->lock);
    events->ending = true;
    wake(events);
    (void)pthread_mutex_unlock(&events->lock);
}

void events_release(struct events *events)
{
    (void)pthread_mutex_destroy(&events->lock);
}
