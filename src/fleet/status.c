/* From a prediction to what people see: the only place that knows the thresholds.
 * Contract: statut, niveau_alerte, sante and km_avant_panne of the design. Memory only. */
#include "fleet/fleet.h"

#define CRITIQUE_FROM 0.7
#define ALERTE_FROM 0.4
#define NIVEAU_URGENT_FROM 0.7
#define NIVEAU_ATTENTION_FROM 0.5
#define NIVEAU_SURVEILLANCE_FROM 0.3

const struct fleet_thresholds fleet_thresholds = {
    .critique = CRITIQUE_FROM,
    .alerte = ALERTE_FROM,
    .urgent = NIVEAU_URGENT_FROM,
    .attention = NIVEAU_ATTENTION_FROM,
    .surveillance = NIVEAU_SURVEILLANCE_FROM,
};

static const double KM_WITHOUT_FAILURE = 30000;
static const double KM_AT_MOST_WHEN_CRITIQUE = 2000;
static const double KM_SHARE_WHEN_ALERTE = 0.4;
static const double KM_SHARE_OTHERWISE = 0.7;
static const double KM_STEP = 250;

/* Votes come as sums of float32: 70 of 100 give 0.6999996. Six decimals are what they carry. */
static double round_to_6_decimals(double prob)
{
    return round(prob * 1e6) / 1e6;
}

double fleet_prob_panne(int predicted, const double prob[FAILURE_COUNT])
{
    if (predicted != FAILURE_OK) {
        return round_to_6_decimals(prob[predicted]);
    }
    double largest = 0;
    for (int f = FAILURE_OK + 1; f < FAILURE_COUNT; f++) {
        largest = fmax(largest, prob[f]);
    }
    return round_to_6_decimals(largest);
}

enum statut fleet_statut(int predicted, double prob_panne)
{
    if (predicted == FAILURE_OK) {
        return STATUT_OK;
    }
    if (prob_panne >= CRITIQUE_FROM) {
        return STATUT_CRITIQUE;
    }
    return prob_panne >= ALERTE_FROM ? STATUT_ALERTE : STATUT_SURVEILLANCE;
}

enum niveau fleet_niveau(double prob_panne)
{
    if (prob_panne >= NIVEAU_URGENT_FROM) {
        return NIVEAU_URGENT;
    }
    if (prob_panne >= NIVEAU_ATTENTION_FROM) {
        return NIVEAU_ATTENTION;
    }
    return prob_panne >= NIVEAU_SURVEILLANCE_FROM ? NIVEAU_SURVEILLANCE : NIVEAU_NORMAL;
}

int fleet_sante(double prob_panne)
{
    /* prob_panne has 6 decimals: in millionths the subtraction is exact, (1 - 0.9) * 100 is 10. */
    long millionths = lround(prob_panne * 1e6);
    return (int)((1000000 - millionths) / 10000);
}

double fleet_km_avant_panne(int predicted, double prob_panne, double km_median,
                            double km_depuis_revis)
{
    if (predicted == FAILURE_OK) {
        return KM_WITHOUT_FAILURE;
    }
    if (isnan(km_median) || isnan(km_depuis_revis)) {
        return NAN;
    }
    double km = trunc(km_median - km_depuis_revis);
    if (km <= 0) {
        return 0;
    }
    if (prob_panne >= CRITIQUE_FROM) {
        km = fmin(km, KM_AT_MOST_WHEN_CRITIQUE);
    } else if (prob_panne >= ALERTE_FROM) {
        km = trunc(km * KM_SHARE_WHEN_ALERTE);
    } else {
        km = trunc(km * KM_SHARE_OTHERWISE);
    }
    return ceil(km / KM_STEP) * KM_STEP;
}
