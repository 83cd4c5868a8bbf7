/* A text that people read, in the two languages of the program. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

enum lang { LANG_FR, LANG_EN, LANG_COUNT };

struct text {
    const char *in[LANG_COUNT]; /* UTF-8, static storage */
};

#define TEXT(fr, en) \
    {                \
        {            \
            fr, en   \
        }            \
    }

#endif
