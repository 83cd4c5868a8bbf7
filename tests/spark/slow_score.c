/* Preloaded into the workers of the test's cluster and what they start: `autostream worker score`
 * waits before its first line, so that the test sees it at work however fast the machine is. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { SECONDS = 3 };

__attribute__((constructor)) static void wait_when_scoring(void)
{
    static const char words[] = "\0worker\0score";
    char line[512];
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, line, sizeof line);
    if (fd >= 0) {
        close(fd);
    }
    if (size > 0 && memmem(line, (size_t)size, words, sizeof words) != NULL) {
        sleep(SECONDS);
    }
}
