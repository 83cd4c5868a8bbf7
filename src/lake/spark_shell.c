/* Finds Java and Spark, starts spark-sql, talks with it; see spark_shell.h. Reads JAVA_HOME,
 * SPARK_HOME and PATH; writes scripts and Spark's log to the scratch folder. */
#include "lake/spark_shell.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    JAVA_OLDEST = 17,
    MASTER_PATIENCE_MS = 5000,
    LOG_LIMIT = 16 * 1024 * 1024, /* bytes of the log of one script that are looked at */
};

struct spark_shell {
    struct arena arena;
    const char *scratch, *log, *master;
    pid_t pid;
    FILE *in, *out; /* the process's ends */
    char *line;     /* the line read last */
    size_t line_room;
    unsigned serial; /* of the script */
};

/* ---- programs ---- */

/* In the child: puts the descriptors in the place of 0, 1, 2 and becomes `argv`. Never returns. */
static _Noreturn void become(const char *const *argv, const int fds[3], const char *folder)
{
    /* Signals' defaults, and an end with our own: no Spark outlives its command. */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)signal(SIGPIPE, SIG_DFL);
    for (int i = 0; i < 3; i++) {
        if (dup2(fds[i], i) < 0) {
            _exit(127);
        }
    }
    if (folder && chdir(folder) != 0) {
        _exit(127);
    }
    execvp(argv[0], (char *const *)(const void *)argv);
    _exit(127);
}

/* What a program prints on both outputs, owned by the arena; "" when it cannot be run. */
static const char *output_of(struct arena *arena, const char *const *argv)
{
    enum { ROOM = 4096 };
    int ends[2];
    char *text = arena_alloc(arena, ROOM, 1);
    size_t used = 0;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || pipe2(ends, O_CLOEXEC) != 0) {
        return text;
    }
    pid_t pid = fork();
    if (pid == 0) {
        const int fds[3] = {null, ends[1], ends[1]};
        become(argv, fds, NULL);
    }
    close(null);
    close(ends[1]);
    for (ssize_t got = 1; pid > 0 && got > 0;) {
        char rest[256];
        bool room = used < ROOM - 1;
        got = read(ends[0], room ? text + used : rest, room ? ROOM - 1 - used : sizeof rest);
        used += got > 0 && room ? (size_t)got : 0;
    }
    close(ends[0]);
    if (pid > 0) {
        (void)waitpid(pid, NULL, 0);
    }
    return text;
}

/* The path of a program on PATH, owned by the arena, or NULL. */
static const char *on_path(struct arena *arena, const char *name)
{
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t size = strcspn(path, ":");
        const char *full = arena_printf(arena, "%.*s/%s", (int)size, path, name);
        if (size > 0 && access(full, X_OK) == 0) {
            return full;
        }
        path += size + (path[size] == ':');
    }
    return NULL;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* ---- Java ---- */

/* The 17 of: openjdk version "17.0.15"; the 8 of "1.8.0_392"; 0: it does not tell. */
static long java_version(const char *text)
{
    const char *at = strstr(text, "version \"");
    if (!at) {
        return 0;
    }
    char *end;
    at += strlen("version \"");
    long major = strtol(at, &end, 10);
    return major == 1 && *end == '.' ? strtol(end + 1, NULL, 10) : major;
}

static int check_java(struct arena *arena, struct error *err)
{
    const char *home = variable("JAVA_HOME");
    const char *java = home ? arena_printf(arena, "%s/bin/java", home) : on_path(arena, "java");
    if (!java) {
        return error_set(
            err,
            "Spark a besoin de Java, et il n'y a pas de programme java ; installez Java "
            "%d (paquet openjdk-17-jre-headless) ou nommez-le par JAVA_HOME",
            "Spark needs Java, and there is no program java; install Java %d (package "
            "openjdk-17-jre-headless) or name it by JAVA_HOME",
            (int)JAVA_OLDEST);
    }
    if (access(java, X_OK) != 0) {
        return error_set(err, "%s : pas de Java à cet endroit ; corrigez JAVA_HOME",
                         "%s: there is no Java; mend JAVA_HOME", java);
    }
    const char *const argv[] = {java, "-version", NULL};
    long version = java_version(output_of(arena, argv));
    if (version >= JAVA_OLDEST) {
        return 0;
    }
    return error_set(
        err,
        "%s : Java %ld, mais Spark 4 a besoin de Java %d ou plus récent ; "
        "installez-le (paquet openjdk-17-jre-headless) ou nommez-le par JAVA_HOME",
        "%s: this is Java %ld, but Spark 4 needs Java %d or newer; install it (package "
        "openjdk-17-jre-headless) or name it by JAVA_HOME",
        java, version, (int)JAVA_OLDEST);
}

/* ---- Spark ---- */

/* True when the folder jars/ beside bin/ is that of Spark 4 or newer, or cannot tell. */
static bool is_new_enough(struct arena *arena, const char *home)
{
    char **names;
    size_t count;
    struct error ignored;
    static const char core[] = "spark-core_";
    if (fs_list(arena_printf(arena, "%s/jars", home), arena, &names, &count, &ignored) != 0) {
        return true;
    }
    for (size_t i = 0; i < count; i++) { /* spark-core_2.13-4.1.4.jar */
        const char *version = strncmp(names[i], core, sizeof core - 1) == 0
                                  ? strchr(names[i] + sizeof core - 1, '-')
                                  : NULL;
        if (version) {
            return strtol(version + 1, NULL, 10) >= 4;
        }
    }
    return true;
}

/* The folder of the Python package, which holds a whole Spark; or NULL. */
static const char *python_home(struct arena *arena)
{
    static const char script[] = "import importlib.util as u; s = u.find_spec('pyspark'); "
                                 "print(s.submodule_search_locations[0] if s else '')";
    const char *const argv[] = {"python3", "-c", script, NULL};
    char *home = arena_strdup(arena, output_of(arena, argv));
    home[strcspn(home, "\n")] = '\0';
    return *home == '/' ? home : NULL;
}

/* The program spark-sql: of SPARK_HOME, on PATH, or of the Python package. */
static int find_spark(struct arena *arena, const char **program, struct error *err)
{
    const char *home = variable("SPARK_HOME");
    const char *found = home ? NULL : on_path(arena, "spark-sql");
    if (!home && !found) {
        home = python_home(arena);
    }
    if (home) {
        found = arena_printf(arena, "%s/bin/spark-sql", home);
    }
    if (!found) {
        return error_set(err,
                         "Spark introuvable : ni SPARK_HOME, ni spark-sql dans PATH, ni pyspark "
                         "pour python3 ; installez-le (pip install pyspark) ou nommez-le par "
                         "SPARK_HOME",
                         "no Spark: neither SPARK_HOME, nor spark-sql on PATH, nor pyspark for "
                         "python3; install it (pip install pyspark) or name it by SPARK_HOME");
    }
    if (access(found, X_OK) != 0) {
        return error_set(err, "%s : pas de Spark à cet endroit ; corrigez SPARK_HOME",
                         "%s: there is no Spark; mend SPARK_HOME", found);
    }
    if (!is_new_enough(arena, home ? home : arena_printf(arena, "%s/../..", found))) {
        return error_set(err, "%s : il faut Spark 4 ou plus récent ; nommez-le par SPARK_HOME",
                         "%s: Spark 4 or newer is needed; name it by SPARK_HOME", found);
    }
    *program = found;
    return 0;
}

/* ---- the master ---- */

/* Whether somebody listens there; errno says why not. */
static bool answers(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    address->ai_protocol);
    if (fd < 0) {
        return false;
    }
    int problem = connect(fd, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
    if (problem == EINPROGRESS) {
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        socklen_t size = sizeof problem;
        problem = ETIMEDOUT;
        if (poll(&wait, 1, MASTER_PATIENCE_MS) == 1) {
            (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size);
        }
    }
    close(fd);
    errno = problem;
    return problem == 0;
}

/* Spark itself tries for a minute before it tells; a standalone master is asked at once. */
static int check_master(struct arena *arena, const char *master, struct error *err)
{
    static const char scheme[] = "spark://";
    if (strncmp(master, scheme, sizeof scheme - 1) != 0) {
        return 0;
    }
    const char *why = "HOST:PORT";
    const char *next = master + sizeof scheme - 1;
    while (*next) { /* of several (HOST:PORT,HOST:PORT) one must answer */
        size_t size = strcspn(next, ",");
        char *host = arena_copy(arena, next, size);
        char *port = strrchr(host, ':');
        struct addrinfo *found = NULL;
        const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
        next += size + (next[size] == ',');
        if (!port) {
            continue;
        }
        *port++ = '\0';
        int problem = getaddrinfo(host, port, &hints, &found);
        why = problem != 0 ? gai_strerror(problem) : why;
        bool good = false;
        for (const struct addrinfo *a = found; a && !good; a = a->ai_next) {
            good = answers(a);
            why = good ? why : strerror(errno);
        }
        if (found) {
            freeaddrinfo(found);
        }
        if (good) {
            return 0;
        }
    }
    return error_set(
        err,
        "--spark-master %s : pas de réponse (%s) ; démarrez le maître, ou donnez "
        "l'adresse qu'il affiche (spark://HÔTE:7077)",
        "--spark-master %s: no answer (%s); start the master, or give the address that "
        "it shows (spark://HOST:7077)",
        master, why);
}

/* ---- errors ---- */

/* The first line that holds `part`, from there on or from its beginning; owned by the arena. */
static const char *line_with(struct arena *arena, const char *log, const char *part, bool behind)
{
    const char *at = strstr(log, part);
    if (!at) {
        return NULL;
    }
    const char *start = at + strlen(part);
    if (!behind) {
        for (start = at; start > log && start[-1] != '\n'; start--) {
        }
    }
    return arena_copy(arena, start, strcspn(start, "\n"));
}

/* The first cause in what Spark wrote about a script that failed. */
static const char *first_cause(struct arena *arena, const char *log)
{
    static const char *const behind[] = {
        "SparkException: Subprocess exited with status ", /* our own program's words follow */
        "\nCaused by: ", "most recent failure: ", "Exception: "};
    const char *cause = strncmp(log, "[", 1) == 0 ? log : strstr(log, "\n[");
    if (cause) { /* [ERROR_CLASS] message */
        cause += *cause == '\n';
        return arena_copy(arena, cause, strcspn(cause, "\n"));
    }
    for (size_t i = 0; i < sizeof behind / sizeof *behind; i++) {
        const char *found = line_with(arena, log, behind[i], true);
        if (found) {
            return found;
        }
    }
    return arena_copy(arena, log, strcspn(log, "\n"));
}

/* What the log says as one of our sentences, where we know the mend, else its first cause. */
static int tell_failure(struct spark_shell *shell, const char *what, const char *log,
                        struct error *err)
{
    struct arena arena = {0};
    const char *line;
    if (strstr(log, "No space left on device")) {
        error_set(err,
                  "%s : plus de place sur le disque de Spark ; libérez-en et relancez la commande",
                  "%s: no space left on Spark's disk; free some and repeat the command", what);
    } else if ((line = line_with(&arena, log, "error while loading shared libraries: ", true)) ||
               (line = line_with(&arena, log, "version `GLIBC", false)) ||
               (line = line_with(&arena, log, "Exec format error", false))) {
        error_set(
            err,
            "%s : le programme ne démarre pas sur une machine de Spark (%.300s) ; il lui faut "
            "la même architecture et une glibc aussi récente qu'ici",
            "%s: the program does not start on a machine of Spark (%.300s); it needs the same "
            "architecture and a glibc as new as here",
            what, line);
    } else if ((line = line_with(&arena, log, "Error: autostream: ", true))) {
        error_set(err, "%s : %.500s", "%s: %.500s", what, line);
    } else if (strstr(log, "OutOfMemoryError")) {
        error_set(err, "%s : la mémoire de Spark ne suffit pas ; donnez-en plus avec --memory",
                  "%s: Spark's memory is not enough; give more with --memory", what);
    } else if (strstr(log, "All masters are unresponsive") ||
               strstr(log, "Master removed our application")) {
        error_set(err, "--spark-master %s : le maître ne répond plus ; vérifiez-le et relancez",
                  "--spark-master %s: the master answers no more; check it and repeat",
                  shell->master);
    } else {
        error_set(err, "%s : Spark a échoué : %.500s", "%s: Spark failed: %.500s", what,
                  first_cause(&arena, log));
    }
    arena_release(&arena);
    return -1;
}

static long log_size(const struct spark_shell *shell)
{
    FILE *log = fopen(shell->log, "re");
    long size = log && fseek(log, 0, SEEK_END) == 0 ? ftell(log) : 0;
    if (log) {
        (void)fclose(log);
    }
    return size > 0 ? size : 0;
}

/* The log from `start` on, owned by the arena; "" when it cannot be read. */
static const char *log_since(const struct spark_shell *shell, long start, struct arena *arena)
{
    long end = log_size(shell);
    size_t size = end > start ? (size_t)(end - start) : 0;
    size = size < LOG_LIMIT ? size : LOG_LIMIT;
    char *text = arena_alloc(arena, size + 1, 1);
    FILE *log = fopen(shell->log, "re");
    if (log && fseek(log, start, SEEK_SET) == 0) {
        size_t got = fread(text, 1, size, log);
        for (size_t i = 0; i < got; i++) {
            text[i] = text[i] ? text[i] : ' ';
        }
    }
    if (log) {
        (void)fclose(log);
    }
    return text;
}

/* ---- scripts ---- */

/* Reads the next line of output into shell->line; false when the process ended. */
static bool next_line(struct spark_shell *shell)
{
    ssize_t got = getline(&shell->line, &shell->line_room, shell->out);
    if (got > 0 && shell->line[got - 1] == '\n') {
        shell->line[got - 1] = '\0';
    }
    return got > 0;
}

int spark_shell_run(struct spark_shell *shell, const char *what, const char *script,
                    int (*line)(void *context, bool marked, const char *text, struct error *err),
                    void *context, struct error *err)
{
    static const char mark[] = SPARK_MARK;
    struct arena arena = {0};
    /* A shell that ends at once may have said why before this looks. */
    long logged = shell->serial == 0 ? 0 : log_size(shell);
    unsigned serial = ++shell->serial;
    const char *name = arena_printf(&arena, "%s/%u.sql", shell->scratch, serial);
    const char *end_name = arena_printf(&arena, "%s/%u-end.sql", shell->scratch, serial);
    /* The shell's own echo costs less than a SELECT, and there are many scripts. */
    const char *text = arena_printf(&arena, "%s\n!echo " SPARK_MARK "done;\n", script);
    const char *end = "!echo " SPARK_MARK "end;\n";
    bool done = false;
    bool ended = false;
    int status = 0;
    if (fs_write(name, text, strlen(text), err) != 0 ||
        fs_write(end_name, end, strlen(end), err) != 0) {
        status = -1;
        goto done;
    }
    /* A script stops at its first failure; the second one tells that it is through. */
    (void)fprintf(shell->in, "source %u.sql;\nsource %u-end.sql;\n", serial, serial);
    (void)fflush(shell->in);
    while (!ended && next_line(shell)) {
        const char *at = strstr(shell->line, mark);
        const char *cell = at ? at + sizeof mark - 1 : shell->line;
        ended = at && strcmp(cell, "end") == 0;
        if (at && strcmp(cell, "done") == 0) {
            done = true;
        } else if (!ended && !done && line && status == 0) {
            status = line(context, at != NULL, cell, err);
        }
    }
    if (!done) {
        status = tell_failure(shell, what, log_since(shell, logged, &arena), err);
    }
done:
    arena_release(&arena);
    return status;
}

/* ---- open and close ---- */

/* "1.5GB" as Java and Spark write it, in whole kilobytes: "1572864k"; owned by the arena. */
static const char *java_size(struct arena *arena, const char *size)
{
    static const char units[] = "KMGT";
    char *end;
    double kilobytes = strtod(size, &end);
    const char *unit = *end ? strchr(units, *end) : NULL;
    for (long i = unit ? unit - units : 0; i > 0; i--) {
        kilobytes *= 1024;
    }
    return arena_printf(arena, "%.0fk", kilobytes);
}

static int start(struct spark_shell *shell, const char *program,
                 const struct spark_shell_options *options, struct error *err)
{
    enum { ARGUMENTS = 48 };
    /* The process works in the scratch folder: everything of its own lies there by default. */
    static const char *const settings[] = {
        "spark.sql.catalogImplementation=in-memory",
        "spark.sql.session.timeZone=UTC",
        "spark.sql.ansi.enabled=true",
        "spark.sql.variable.substitute=false",
        "spark.sql.artifact.isolation.enabled=false", /* files lie where workers look */
        "spark.sql.chunkBase64String.enabled=false",  /* a line's end is a row's end */
        "spark.sql.parquet.compression.codec=zstd",
        "spark.sql.files.openCostInBytes=1m",
        "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs=false",
        "spark.ui.enabled=false",
        "spark.ui.showConsoleProgress=false",
        "spark.log.level=ERROR",
    };
    const char *argv[ARGUMENTS] = {program,
                                   "-S",
                                   "--master",
                                   options->master,
                                   "--name",
                                   "autostream",
                                   "--driver-java-options",
                                   "-Duser.home=. -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"};
    size_t count = 8;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        argv[count++] = "--conf";
        argv[count++] = settings[i];
    }
    argv[count++] = "--conf"; /* wants to be absolute, unlike the others */
    argv[count++] = arena_printf(&shell->arena, "spark.jars.ivy=%s/ivy", shell->scratch);
    if (options->memory) {
        const char *size = java_size(&shell->arena, options->memory);
        argv[count++] = "--driver-memory";
        argv[count++] = size;
        argv[count++] = "--executor-memory";
        argv[count++] = size;
    }
    if (strncmp(options->master, "local", 5) == 0) { /* few cores want few partitions */
        argv[count++] = "--conf";
        argv[count++] = "spark.sql.shuffle.partitions=8";
    }
    int in[2] = {-1, -1};
    int out[2] = {-1, -1};
    int log = open(shell->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (log < 0) {
        return fs_write_error(shell->log, err);
    }
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || (shell->pid = fork()) < 0) {
        close(log);
        return error_set(err, "spark-sql : démarrage impossible (%s)",
                         "spark-sql: cannot be started (%s)", strerror(errno));
    }
    if (shell->pid == 0) {
        const int fds[3] = {in[0], out[1], log};
        (void)setenv("SPARK_LOCAL_DIRS", ".", 1);
        become(argv, fds, shell->scratch);
    }
    close(log);
    close(in[0]);
    close(out[1]);
    shell->in = fdopen(in[1], "we");
    shell->out = fdopen(out[0], "re");
    if (!shell->in || !shell->out) {
        out_of_memory();
    }
    return 0;
}

int spark_shell_open(struct spark_shell **out, const struct spark_shell_options *options,
                     struct error *err)
{
    struct spark_shell *shell = xcalloc(1, sizeof *shell);
    const char *program = NULL;
    *out = shell;
    shell->scratch = arena_strdup(&shell->arena, options->scratch);
    shell->master = arena_strdup(&shell->arena, options->master);
    shell->log = arena_printf(&shell->arena, "%s/spark.log", shell->scratch);
    if (check_java(&shell->arena, err) != 0 || find_spark(&shell->arena, &program, err) != 0 ||
        check_master(&shell->arena, options->master, err) != 0) {
        return -1;
    }
    /* When Spark dies a write must fail, not end us. */
    (void)signal(SIGPIPE, SIG_IGN);
    return start(shell, program, options, err);
}

void spark_shell_close(struct spark_shell *shell)
{
    if (!shell) {
        return;
    }
    if (shell->in) {
        (void)fclose(shell->in); /* its end of input is its end */
    }
    while (shell->out && next_line(shell)) {
    }
    if (shell->out) {
        (void)fclose(shell->out);
    }
    if (shell->pid > 0) {
        (void)waitpid(shell->pid, NULL, 0);
    }
    free(shell->line);
    arena_release(&shell->arena);
    free(shell);
}
