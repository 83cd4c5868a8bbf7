/* What the server answers: the contract of /api/v1, column names as in gold. Unknown is null,
 * probabilities are 0..1, dates are "YYYY-MM-DD". */

export type Statut = "OK" | "SURVEILLANCE" | "ALERTE" | "CRITIQUE";
export type Lang = "fr" | "en";
/** A text in both languages; the page picks. */
export type Text = Record<Lang, string>;
export type ByStatut = Record<Statut, number>;

export interface Run {
    run_date: string;
    gold_sha256: string;
    vehicles: number;
    by_statut: ByStatut;
}

export interface Runs {
    runs: Run[]; // newest first
    latest: string;
}

export interface Measure {
    name: string;
    column: string; // in gold
    label: Text;
    unit: Text;
    decimals: number;
    low: number; // physically possible
    high: number;
}

export interface Failure {
    number: number;
    name: string;
    label: Text;
    advice: Text;
}

export interface Column {
    name: string;
    type: string;
    label: Text;
    unit: Text | null;
    decimals: number | null;
    sortable: boolean;
}

export interface Catalog {
    measures: Measure[];
    statuts: { name: Statut; label: Text; when: Text }[]; // least urgent first
    failures: Failure[];
    niveaux: { name: string; prob_min: number }[];
    thresholds: Record<"critique" | "alerte" | "urgent" | "attention" | "surveillance", number>;
    reasons_of_refusal: { code: string; label: Text }[];
    columns: Column[];
    tables: {
        name: string;
        level: string;
        path: string;
        grain: Text;
        columns: { name: string; type: string; label: Text | null }[];
    }[];
}

export interface Kpi {
    vehicles: number;
    by_statut: ByStatut;
    critiques: number;
    interventions: number;
    a_surveiller: number;
    sante_pct: number | null;
    sans_date_revision: number;
}

export interface Summary {
    run_date: string;
    last_event_date: string | null;
    messages: number | null;
    fleet: Kpi;
    selection: Kpi | null;
    history: (Kpi & { run_date: string })[]; // oldest first
    by_model: { modele: string | null; vehicles: number; by_statut: ByStatut }[];
}

/** A measure that moved the prediction; low and high: the usual range. */
export interface Reason {
    column: string;
    value: number | null;
    points: number; // -1..1
    low: number | null;
    high: number | null;
}

/** A row of reporting_final; further columns by their names. */
export interface Vehicle {
    vin: string;
    modele: string | null;
    annee: number | null;
    statut: Statut;
    type_panne_predit: number;
    prob_panne: number;
    sante: number | null;
    km_avant_panne: number | null;
    date_last_revis: string | null;
    raisons: Reason[];
    rank: number | null; // place in the selection, 1 first
    [column: string]: unknown;
}

export interface Vehicles {
    run_date: string;
    total: number;
    fleet_total: number;
    page: number;
    size: number;
    pages: number;
    sort: string;
    rows: Vehicle[];
}

export interface VehicleDetail {
    run_date: string;
    vehicle: Vehicle;
    measures: {
        column: string;
        value: number | null;
        low: number | null;
        high: number | null;
        usual_of: "training" | "fleet" | null;
        contribution: number | null;
    }[];
    base: number | null;
    probabilities: { panne: number; p: number | null }[];
    reasons: (Reason & { sentence: Text })[];
    advice: Text | null;
    when: Text;
    services: { date: string | null; type: string | null; km: number | null }[]; // latest first
    days: ({ event_date: string; messages: number } & Record<string, number | string | null>)[];
    runs: {
        run_date: string;
        statut: Statut;
        type_panne_predit: number;
        prob_panne: number;
        sante: number | null;
        km_avant_panne: number | null;
    }[]; // oldest first
    previous: string | null;
    next: string | null;
    position: number | null; // null: not in the selection
    total: number;
}

export interface RiskByModel {
    modele: string | null;
    vehicles: number;
    scored: number;
    score_risque_moy: number | null;
    prob_panne_moy: number | null;
    by_statut: ByStatut;
    by_panne: number[]; // 0..5
}

/** Counts of equal bins from `from` to `to`; the last bin holds its upper end too. */
export interface Histogram {
    from: number;
    to: number;
    width: number;
    counts: number[];
}

export interface Analytics {
    run_date: string;
    total: number;
    risk_by_model: RiskByModel[];
    by_statut: {
        statut: Statut;
        vehicles: number;
        km_actuel_moy: number | null;
        km_depuis_revis_moy: number | null;
    }[];
    failures: { panne: number; vehicles: number; by_statut: ByStatut }[];
    risk_histogram: Histogram & { missing: number };
    prob_histogram: Histogram & { of_ok: number[] };
}

export interface Trends {
    run_date: string;
    by: "day" | "week" | "month";
    rows: {
        date: string;
        vehicules_actifs: number;
        pannes_predites: number;
        vehicules_a_risque: number;
        prob_panne_moy: number | null;
        temp_moy: number | null;
        voltage_moy: number | null;
    }[];
}

export interface TableQuality {
    rows: number;
    missing_columns: string | null;
    schema_issues: string | null;
    columns: { name: string; nulls: number; null_pct: number }[];
}

/** Counts of the files and rows of one run, and the hashes that name its inputs and outputs. */
export interface Lineage {
    program: string | null;
    inputs: { sha256: string | null; files: number | null; ignored: number | null; bytes: number | null };
    telemetry: { records: number; rows: number; quarantined: number; duplicates: number; conflicts: number; imputed: Record<string, number> } | null;
    maintenance: Record<string, number> | null;
    vehicules: Record<string, number> | null;
    silver_sha256: string | null;
    model: { sha256: string | null };
    gold_sha256: string | null;
    gold_rows: number;
    incomplete: number | null;
    seconds: Record<string, number | null>;
    outputs: { path: string; sha256: string; bytes: number }[];
}

export interface QualityRun {
    run_date: string;
    records: number;
    silver_rows: number;
    quarantined: number;
    duplicates: number;
    gold_rows: number;
    without_service: number;
    without_register: number;
    model_sha256: string;
}

export interface Quality {
    run_date: string;
    silver: TableQuality | null;
    gold: TableQuality | null;
    quarantine: { records: number; reasons: { reason: string; label: Text; records: number }[] };
    orphans: { total: number; rows: { vin: string; sans_entretien: boolean; sans_registre: boolean }[] };
    lineage: Lineage;
    history: QualityRun[]; // oldest first
}

export interface Quarantine {
    run_date: string;
    total: number;
    page: number;
    size: number;
    pages: number;
    rows: { source: string; position: number; reasons: string[]; raw: string; raw_bytes: number }[];
}

export const METRICS = ["accuracy", "macro_f1", "auc", "average_precision", "event_auc", "event_average_precision", "log_loss", "brier", "calibration_error"] as const;
export type Metric = (typeof METRICS)[number];

/** Figures of one check; a foreign model may lack any. */
export type Evaluation = Partial<Record<Metric, number>> & {
    rows?: number;
    replicates?: number;
    folds?: number;
    split?: string;
    cost?: number;
    intervals?: Partial<Record<Metric, [number, number]>>;
};

export interface Model {
    run_date: string;
    matches_run: boolean; // whether this model made the results of the run
    sha256: string;
    bytes: number;
    kind: string;
    trees: number | null;
    nodes: number | null;
    producer: string | null;
    producer_version: string | null;
    trained_on: string | null;
    rows: number | null;
    seed: number | null;
    inputs: { name: string; usual?: { n: number; missing: number; p05: number; p50: number; p95: number } | null }[];
    classes: { label: string; name: string | null; share: number | null }[];
    evaluations: Record<string, Evaluation | undefined>;
    properties: Record<string, unknown>;
    intended_use: Text;
    limits: Text[];
    checked: "holdout" | "folds" | "oob" | null;
    confusion: number[][]; // rows: the truth, columns: the prediction
    class_metrics: { label: string; name: Text; rows: number | null; precision: number | null; recall: number | null; f1: number | null }[];
    importance: { feature: string; gini: number | null; permutation: number | null }[];
    reliability: { from: number; to: number; rows: number; predicted: number; observed: number }[];
}
