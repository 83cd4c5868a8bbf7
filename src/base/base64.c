/* Base64 by Nettle; see base64.h. */
#include "base/base64.h"

#include <nettle/base64.h>

size_t base64_write(const void *bytes, size_t size, char *text)
{
    base64_encode_raw(text, size, bytes);
    text[BASE64_ROOM(size) - 1] = '\0';
    return BASE64_ROOM(size) - 1;
}

bool base64_read(const char *text, size_t size, void *bytes, size_t *bytes_size)
{
    struct base64_decode_ctx context;
    base64_decode_init(&context);
    *bytes_size = size; /* Nettle wants to hear of room for more than can come */
    return base64_decode_update(&context, bytes_size, bytes, size, text) &&
           base64_decode_final(&context);
}
