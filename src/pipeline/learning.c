/* Learning from a table of numbers: judges a forest on rows that it has not seen, with what it is
 * worth against rules of thumb, chooses calibration and threshold there, and grows the forest that
 * is kept on all rows; see learning.h. Memory only.
 *
 * A calibration and a threshold are fitted to out-of-bag predictions of the rows that a forest was
 * grown on, and judged on the others. What won is fitted once more to the out-of-bag predictions of
 * the forest that is kept. */
#include "pipeline/learning.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDS = 5, KINDS = FOREST_ISOTONIC + 1 };

/* Probabilities kept at once; beyond, out-of-bag ones are not asked for, and fewer rows tested. */
static const size_t MOST_CELLS = (size_t)1 << 26;

static const struct forest_costs usual_costs = {.missed = 10, .alarm = 1};

struct checking {
    const struct session *session;
    const struct train_options *options;
    const struct learning_table *table;
    struct arena *arena;
    struct train_report *report;
    unsigned *fold; /* [rows] */
    unsigned folds; /* how many are tested */
    /* tested rows, fold behind fold */
    size_t rows, room;
    int *y;
    size_t *group;
    double *prob[KINDS]; /* [rows][classes]: raw, and by each calibration */
    double *rival[RIVAL_COUNT];
    double cost;         /* sum over tested rows, each by its fold's threshold */
    double *permutation; /* [features] sum over tested rows */
};

/* Some of the rows, copied. */
struct part {
    float *x;
    int *y;
    size_t *row; /* where they stand in the table */
    struct forest_data data;
};

/* ---- forests ---- */

static void tell_trees(void *context, size_t done, size_t total)
{
    static const struct text growing = TEXT("Entraînement", "Training");
    stage_tell(context, &growing, done, total);
}

static void tell_check(void *context, size_t done, size_t total)
{
    static const struct text checking = TEXT("Évaluation", "Evaluation");
    stage_tell(context, &checking, done, total);
}

static struct forest_options forest_options_of(const struct session *session,
                                               const struct train_options *options,
                                               const struct learning_table *table, bool check)
{
    return (struct forest_options){.trees = options->trees,
                                   .max_depth = options->max_depth,
                                   .min_leaf = options->min_leaf,
                                   .max_features = options->max_features,
                                   .balanced = options->balanced,
                                   .extra_trees = options->extra_trees,
                                   .seed = options->seed,
                                   .threads = session->threads,
                                   .progress = check ? tell_check : tell_trees,
                                   .progress_context = (void *)session,
                                   .elsewhere = table->elsewhere};
}

/* Room for the out-of-bag probabilities of `rows`; NULL: there are too many. */
static double *oob_room(const struct learning_table *table, size_t rows)
{
    size_t classes = (size_t)table->data.classes;
    return rows <= MOST_CELLS / classes ? xcalloc(rows * classes, sizeof(double)) : NULL;
}

/* ---- parts ---- */

/* The rows of the fold when `inside`, else the others; at most `most`. */
static void part_init(struct part *part, const struct checking *c, unsigned fold, bool inside,
                      size_t most)
{
    const struct forest_data *all = &c->table->data;
    size_t count = 0;
    for (size_t r = 0; r < all->rows; r++) {
        count += (c->fold[r] == fold) == inside;
    }
    count = count < most ? count : most;
    part->x = xcalloc(count, all->features * sizeof *part->x);
    part->y = xcalloc(count, sizeof *part->y);
    part->row = xcalloc(count, sizeof *part->row);
    size_t used = 0;
    for (size_t r = 0; r < all->rows && used < count; r++) {
        if ((c->fold[r] == fold) == inside) {
            memcpy(&part->x[used * all->features], &all->x[r * all->features],
                   all->features * sizeof *part->x);
            part->y[used] = all->y[r];
            part->row[used++] = r;
        }
    }
    part->data = (struct forest_data){.x = part->x,
                                      .y = part->y,
                                      .rows = count,
                                      .features = all->features,
                                      .classes = all->classes};
}

static void part_release(struct part *part)
{
    free(part->x);
    free(part->y);
    free(part->row);
}

/* ---- splits ---- */

static int split_rows(struct checking *c, struct error *err)
{
    const struct learning_table *t = c->table;
    uint64_t seed = c->options->seed;
    c->fold = ARENA_NEW(c->arena, unsigned, t->data.rows);
    c->folds = c->options->check == TRAIN_HOLDOUT ? 1 : FOLDS;
    if (t->when) {
        c->report->split = TRAIN_BY_DATE;
        c->folds = 1;
        return forest_later_fold(t->when, t->data.rows, FOLDS, c->fold)
                   ? 0
                   : error_set(err,
                               "colonne « %s » : toutes les lignes ont la même date ; retirez "
                               "--date, ou donnez une colonne qui les distingue",
                               "column \"%s\": all rows have the same date; leave --date out, or "
                               "give a column that tells them apart",
                               c->options->date);
    }
    if (!t->group) {
        c->report->split = TRAIN_STRATIFIED;
        c->folds = c->folds < t->data.rows ? c->folds : (unsigned)t->data.rows;
        forest_stratified_folds(t->data.y, t->data.rows, t->data.classes, FOLDS, seed, c->fold);
        return 0;
    }
    c->report->split = TRAIN_GROUPED;
    c->folds = c->folds < t->groups ? c->folds : (unsigned)t->groups;
    if (t->groups < 2) {
        return error_set(err,
                         "colonne « %s » : un seul groupe ; il en faut deux au moins pour tester "
                         "sur d'autres que ceux appris ; retirez --group",
                         "column \"%s\": one group only; there must be two at least to test on "
                         "others than were learned from; leave --group out",
                         c->options->group ? c->options->group : "vin");
    }
    forest_group_folds(&t->data, t->group, t->groups, FOLDS, seed, c->fold);
    return 0;
}

/* ---- judging one fold ---- */

static void make_room(struct checking *c, unsigned folds, size_t most)
{
    size_t classes = (size_t)c->table->data.classes;
    size_t rows = 0;
    for (size_t r = 0; r < c->table->data.rows; r++) {
        rows += c->fold[r] < folds;
    }
    rows = rows < most ? rows : most;
    c->room = rows;
    c->y = xcalloc(rows, sizeof *c->y);
    c->group = xcalloc(rows, sizeof *c->group);
    c->permutation = xcalloc(c->table->data.features, sizeof *c->permutation);
    for (int k = 0; k < KINDS; k++) {
        c->prob[k] = xcalloc(rows * classes, sizeof(double));
    }
    for (int k = 0; k < RIVAL_COUNT; k++) {
        c->rival[k] = xcalloc(rows * classes, sizeof(double));
    }
}

static void judge_rivals(struct checking *c, const struct forest_data *seen,
                         const struct forest_data *tested)
{
    size_t classes = (size_t)seen->classes;
    double *share = c->rival[RIVAL_MAJORITY] + c->rows * classes;
    for (size_t r = 0; r < tested->rows; r++) {
        if (r > 0) {
            memcpy(share + r * classes, share, classes * sizeof *share);
            continue;
        }
        for (size_t s = 0; s < seen->rows; s++) {
            share[seen->y[s]] += 1 / (double)seen->rows;
        }
    }
    if (c->table->rival) {
        c->table->rival(seen, tested->x, tested->rows,
                        c->rival[RIVAL_SERVICE_INTERVAL] + c->rows * classes);
    }
}

/* Calibrations and threshold are fitted to `fit` (NULL: none) and used on the tested rows, whose
 * raw probabilities stand in their place already. */
static void judge_fits(struct checking *c, const struct forest_predicted *fit, size_t tested)
{
    size_t classes = (size_t)c->table->data.classes;
    size_t first = c->rows * classes;
    for (int k = FOREST_TEMPERATURE; k < KINDS; k++) {
        struct forest_calibration calibration;
        memcpy(c->prob[k] + first, c->prob[0] + first, tested * classes * sizeof(double));
        if (fit) {
            struct arena scratch = {0};
            forest_calibration_fit((enum forest_calibration_kind)k, fit, &scratch, &calibration);
            forest_calibration_apply(&calibration, c->prob[k] + first, tested);
            arena_release(&scratch);
        }
    }
    if (fit && c->table->quiet >= 0) {
        const struct forest_predicted judged = {c->y + c->rows, c->prob[0] + first, tested,
                                                c->table->data.classes};
        double threshold = forest_cost_threshold(fit, c->table->quiet, &c->report->costs);
        c->cost +=
            forest_cost(&judged, c->table->quiet, &c->report->costs, threshold) * (double)tested;
    }
}

/* Takes the tested rows in, behind those of the folds before. */
static void take_rows(struct checking *c, const struct part *tested)
{
    assert(c->rows + tested->data.rows <= c->room);
    for (size_t r = 0; r < tested->data.rows; r++) {
        c->y[c->rows + r] = tested->y[r];
        c->group[c->rows + r] = c->table->group ? c->table->group[tested->row[r]] : 0;
    }
}

/* Grows a forest on the other folds and judges it on this one. */
static int check_fold(struct checking *c, unsigned fold, size_t most, struct error *err)
{
    const struct learning_table *t = c->table;
    struct forest_options options = forest_options_of(c->session, c->options, t, true);
    struct forest *forest = NULL;
    struct part seen, tested;
    size_t classes = (size_t)t->data.classes;
    part_init(&seen, c, fold, false, SIZE_MAX);
    part_init(&tested, c, fold, true, most);
    double *oob = oob_room(t, seen.data.rows);
    double *importance = xcalloc(t->data.features, sizeof *importance);
    int status = forest_train(&seen.data, &options, oob, &forest, err);
    if (status == 0) {
        const struct forest_predicted fit = {seen.y, oob, seen.data.rows, t->data.classes};
        const struct forest_permutation how = {.seed = c->options->seed,
                                               .threads = c->session->threads};
        forest_predict(forest, tested.x, tested.data.rows, c->session->threads,
                       c->prob[0] + c->rows * classes);
        take_rows(c, &tested);
        judge_rivals(c, &seen.data, &tested.data);
        judge_fits(c, oob ? &fit : NULL, tested.data.rows);
        forest_permutation_importance(forest, &tested.data, &how, importance);
        for (size_t f = 0; f < t->data.features; f++) {
            c->permutation[f] += importance[f] * (double)tested.data.rows;
        }
        c->rows += tested.data.rows;
    }
    free(importance);
    free(oob);
    forest_free(forest);
    part_release(&seen);
    part_release(&tested);
    return status;
}

/* The same without a further forest: out-of-bag predictions of the forest that is kept; what is
 * fitted is fitted to the other folds' rows. */
static void check_oob_fold(struct checking *c, unsigned fold, const double *oob)
{
    struct part seen, tested;
    size_t classes = (size_t)c->table->data.classes;
    part_init(&seen, c, fold, false, SIZE_MAX);
    part_init(&tested, c, fold, true, SIZE_MAX);
    double *prob = xcalloc(seen.data.rows * classes, sizeof *prob);
    for (size_t r = 0; r < seen.data.rows; r++) {
        memcpy(prob + r * classes, oob + seen.row[r] * classes, classes * sizeof *prob);
    }
    for (size_t r = 0; r < tested.data.rows; r++) {
        memcpy(c->prob[0] + (c->rows + r) * classes, oob + tested.row[r] * classes,
               classes * sizeof *prob);
    }
    const struct forest_predicted fit = {seen.y, prob, seen.data.rows, c->table->data.classes};
    take_rows(c, &tested);
    judge_rivals(c, &seen.data, &tested.data);
    judge_fits(c, &fit, tested.data.rows);
    c->rows += tested.data.rows;
    free(prob);
    part_release(&seen);
    part_release(&tested);
}

/* Permutation importance of the kept forest: each training row by the trees that did not draw it.
 */
static void permute_oob(struct checking *c, const struct forest *forest)
{
    const struct forest_data *all = &c->table->data;
    size_t bytes = all->rows / 8 + 1;
    uint32_t *counts = xcalloc(all->rows, sizeof *counts);
    uint8_t *may_vote = xcalloc(forest_trees(forest), bytes);
    const struct forest_permutation how = {
        .seed = c->options->seed, .threads = c->session->threads, .may_vote = may_vote};
    for (size_t tree = 0; tree < forest_trees(forest); tree++) {
        forest_bootstrap_counts(c->options->seed, tree, all->rows, counts);
        for (size_t r = 0; r < all->rows; r++) {
            if (counts[r] == 0) {
                may_vote[tree * bytes + r / 8] |= (uint8_t)(1U << (r % 8));
            }
        }
    }
    forest_permutation_importance(forest, all, &how, c->permutation);
    for (size_t f = 0; f < all->features; f++) {
        c->permutation[f] *= (double)c->rows; /* a sum over rows, as the other checks make it */
    }
    free(counts);
    free(may_vote);
}

/* ---- judging all ---- */

static struct forest_predicted checked_rows(const struct checking *c, const double *prob)
{
    return (struct forest_predicted){c->y, prob, c->rows, c->table->data.classes};
}

static void report_rivals(struct checking *c, const struct forest_evaluation *evaluation)
{
    for (int k = 0; k < RIVAL_COUNT; k++) {
        struct train_rival *rival = &c->report->rivals[k];
        rival->known = k == RIVAL_MAJORITY || c->table->rival;
        if (rival->known) {
            const struct forest_predicted judged = checked_rows(c, c->rival[k]);
            struct forest_evaluation plain = *evaluation;
            plain.intervals = false;
            forest_evaluate(&judged, &plain, c->arena, &rival->metrics);
            rival->cost = c->table->quiet < 0
                              ? NAN
                              : forest_cost(&judged, c->table->quiet, &c->report->costs, NAN);
        }
    }
}

static void report_calibrations(struct checking *c, bool fitted)
{
    struct train_report *report = c->report;
    struct arena scratch = {0};
    report->calibration.kind = FOREST_UNCALIBRATED;
    for (int k = 0; k < KINDS; k++) {
        const struct forest_predicted judged = checked_rows(c, c->prob[k]);
        struct forest_metrics m;
        report->log_loss[k] = report->calibration_error[k] = NAN;
        if (k != FOREST_UNCALIBRATED && !fitted) {
            continue;
        }
        forest_evaluate(&judged, NULL, &scratch, &m);
        report->log_loss[k] = m.log_loss;
        report->calibration_error[k] = m.calibration_error;
        if (m.log_loss < report->log_loss[report->calibration.kind]) {
            report->calibration.kind = (enum forest_calibration_kind)k;
        }
    }
    arena_release(&scratch);
}

static void report_costs(struct checking *c, bool fitted)
{
    struct train_report *report = c->report;
    const struct forest_predicted judged = checked_rows(c, c->prob[0]);
    int quiet = c->table->quiet;
    report->cost_at_threshold = report->cost_by_class = NAN;
    report->cost_never = report->cost_always = NAN;
    if (quiet >= 0) {
        report->cost_at_threshold = fitted ? c->cost / (double)c->rows : NAN;
        report->cost_by_class = forest_cost(&judged, quiet, &report->costs, NAN);
        report->cost_never = forest_cost(&judged, quiet, &report->costs, 2);
        report->cost_always = forest_cost(&judged, quiet, &report->costs, 0);
    }
}

static void report_checked(struct checking *c, bool fitted)
{
    const struct learning_table *t = c->table;
    const struct forest_predicted judged = checked_rows(c, c->prob[0]);
    const struct forest_evaluation evaluation = {.has_quiet = t->quiet >= 0,
                                                 .quiet = t->quiet >= 0 ? t->quiet : 0,
                                                 .intervals = true,
                                                 .seed = c->options->seed,
                                                 .threads = c->session->threads,
                                                 .group = t->group ? c->group : NULL,
                                                 .groups = t->groups};
    forest_evaluate(&judged, &evaluation, c->arena, &c->report->checked);
    forest_reliability(&judged, c->report->reliability);
    report_rivals(c, &evaluation);
    report_calibrations(c, fitted);
    report_costs(c, fitted);
}

/* Judges on unseen rows; `oob` is that of the kept forest when no further one shall be grown. */
static int check(struct checking *c, const double *oob, struct error *err)
{
    const struct forest_data *all = &c->table->data;
    size_t most = MOST_CELLS / (size_t)all->classes; /* rows whose probabilities are kept */
    if (split_rows(c, err) != 0) {
        return -1;
    }
    unsigned folds = oob ? FOLDS : c->folds;
    make_room(c, folds, most);
    for (unsigned f = 0; f < folds; f++) {
        if (oob) {
            check_oob_fold(c, f, oob);
        } else if (check_fold(c, f, most / c->folds, err) != 0) {
            return -1;
        }
    }
    report_checked(c, oob || all->rows <= most);
    return 0;
}

static void checking_release(struct checking *c)
{
    free(c->y);
    free(c->group);
    free(c->permutation);
    for (int k = 0; k < KINDS; k++) {
        free(c->prob[k]);
    }
    for (int k = 0; k < RIVAL_COUNT; k++) {
        free(c->rival[k]);
    }
}

/* ---- what the kept forest gets from its own out-of-bag predictions ---- */

static void fit_kept(const struct learning_table *t, const double *oob, struct arena *arena,
                     struct train_report *report)
{
    enum forest_calibration_kind kind = report->calibration.kind;
    const struct forest_predicted predicted = {t->data.y, oob, t->data.rows, t->data.classes};
    const struct forest_evaluation evaluation = {.has_quiet = t->quiet >= 0,
                                                 .quiet = t->quiet >= 0 ? t->quiet : 0};
    report->has_oob = oob != NULL;
    report->threshold = NAN;
    report->calibration =
        (struct forest_calibration){.kind = FOREST_UNCALIBRATED, .classes = t->data.classes};
    if (!oob) {
        return;
    }
    forest_evaluate(&predicted, &evaluation, arena, &report->oob);
    forest_calibration_fit(kind, &predicted, arena, &report->calibration);
    if (t->quiet >= 0) {
        report->threshold = forest_cost_threshold(&predicted, t->quiet, &report->costs);
    }
}

/* ---- importance ---- */

static int compare_features(const void *a, const void *b)
{
    const struct train_feature *x = a;
    const struct train_feature *y = b;
    if (x->permutation != y->permutation) {
        return x->permutation < y->permutation ? 1 : -1;
    }
    return x->gini != y->gini ? (x->gini < y->gini ? 1 : -1) : strcmp(x->name, y->name);
}

/* True when a column has one value only, or none. */
static bool is_constant(const struct forest_data *data, size_t feature)
{
    for (size_t r = 1; r < data->rows; r++) {
        float value = data->x[r * data->features + feature];
        if (value != data->x[feature] && !(isnan(value) && isnan(data->x[feature]))) {
            return false;
        }
    }
    return true;
}

static void report_features(const struct checking *c, const struct forest *forest)
{
    const struct forest_data *all = &c->table->data;
    struct train_report *report = c->report;
    double *importance = xcalloc(all->features, sizeof *importance);
    forest_gini_importance(forest, NULL, c->session->threads, importance); /* it has covers */
    report->feature_count = all->features;
    report->features = ARENA_NEW(c->arena, struct train_feature, all->features);
    for (size_t f = 0; f < all->features; f++) {
        report->features[f] = (struct train_feature){
            .name = c->table->feature_names[f],
            .gini = importance[f],
            .permutation = c->permutation[f] / (double)c->rows,
        };
        report->constant += is_constant(all, f);
    }
    qsort(report->features, all->features, sizeof *report->features, compare_features);
    free(importance);
}

/* ---- the whole ---- */

int learning_run(const struct session *session, const struct train_options *options,
                 const struct learning_table *table, struct arena *arena,
                 struct train_report *report, struct forest **forest, struct error *err)
{
    struct checking c = {
        .session = session, .options = options, .table = table, .arena = arena, .report = report};
    struct forest_options kept = forest_options_of(session, options, table, false);
    double *oob = oob_room(table, table->data.rows);
    bool only_oob = options->check == TRAIN_OUT_OF_BAG;
    int status = -1;
    *forest = NULL;
    report->check = options->check;
    report->rows = table->data.rows;
    report->classes = table->data.classes;
    report->class_labels = table->class_labels;
    report->quiet = table->quiet;
    report->costs =
        options->costs.missed > 0 || options->costs.alarm > 0 ? options->costs : usual_costs;
    if (only_oob && !oob) {
        error_set(err,
                  "%zu lignes de %d classes sont trop pour une évaluation hors échantillon ; "
                  "demandez --check holdout",
                  "%zu rows of %d classes are too many to judge out of bag; ask for --check "
                  "holdout",
                  table->data.rows, table->data.classes);
        goto done;
    }
    if (!only_oob && check(&c, NULL, err) != 0) {
        goto done;
    }
    if (forest_train(&table->data, &kept, oob, forest, err) != 0 ||
        (only_oob && check(&c, oob, err) != 0)) {
        goto done;
    }
    if (only_oob) {
        permute_oob(&c, *forest);
    }
    fit_kept(table, oob, arena, report);
    report_features(&c, *forest);
    report->trees = forest_trees(*forest);
    report->nodes = forest_nodes(*forest);
    status = 0;
done:
    checking_release(&c);
    free(oob);
    return status;
}
