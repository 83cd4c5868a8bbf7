/* What a Parquet file says about itself: headers of pages, the footer. For parquet*.c only.
 *
 * Thrift's compact protocol, by hand: https://github.com/apache/parquet-format (parquet.thrift). */
#ifndef LAKE_PARQUET_FOOTER_H
#define LAKE_PARQUET_FOOTER_H

#include "lake/parquet_encode.h"

#include "base/columns.h"

enum parquet_encoding { /* as the format numbers them */
                        PARQUET_PLAIN = 0,
                        PARQUET_DICTIONARY =
                            2, /* of data pages of version 1, and of the page with the dictionary */
                        PARQUET_RLE = 3,
                        PARQUET_DELTA = 5,
};

enum parquet_codec { PARQUET_UNCOMPRESSED = 0, PARQUET_ZSTD = 6 };

/* One column of one row group. */
struct chunk {
    enum parquet_encoding encoding;
    enum parquet_codec codec;
    size_t rows, nulls;
    size_t distinct;           /* of a dictionary; else 0 */
    size_t dictionary_bytes;   /* of its page with its header; 0: there is none */
    size_t bytes, plain_bytes; /* of all pages with their headers; before compression */
    bool bounded;
    struct bytes least, most; /* as PLAIN values without their length; where `bounded` */
};

/* A page of `values` values (rows, with NULLs; or entries of the dictionary). */
struct page {
    bool is_dictionary;
    enum parquet_encoding encoding;
    size_t values;
    size_t bytes, plain_bytes; /* without the header */
};

void put_page_header(struct buffer *out, const struct page *page);

/* A row group whose chunks lie one behind the other from `offset` of the file on. */
void put_row_group(struct buffer *out, const struct table *table, const struct chunk *chunks,
                   size_t rows, uint64_t offset);

/* The footer of a file of `rows` rows: `groups` is what put_row_group() wrote of `group_count`. */
void put_footer(struct buffer *out, const struct table *table, uint64_t rows,
                const struct buffer *groups, size_t group_count);

#endif
