"""What every peer of bench/lake needs: the places of the bronze, the model's answer by onnxruntime,
and what AutoStream's rules make of it, by columns. A peer is called with BRONZE MODEL OUT."""
import pathlib
import sqlite3
import sys

import numpy as np
import onnxruntime

RUN_DATE = "2026-11-23"
THREADS = 2
# Read from a message, in the order of silver's CSV where it is followed by event_ts, event_date.
REALS = ("temp_moteur", "pression_huile", "voltage_batterie", "temps_0_100", "conso_essence",
         "pression_injection")
WHOLES = ("vitesse", "km_actuel", "regime_moteur")
SILVER = ("conso_essence", "km_actuel", "pression_huile", "pression_injection", "regime_moteur",
          "temp_moteur", "temps_0_100", "timestamp", "vin", "vitesse", "voltage_batterie",
          "event_ts", "event_date")
ORDER = ("vin", "event_ts", "temp_moteur", "vitesse", "km_actuel", "pression_huile",
         "regime_moteur", "voltage_batterie", "temps_0_100", "conso_essence", "pression_injection")
DAYS = ("temp_moteur", "vitesse", "km_actuel", "pression_huile", "regime_moteur",
        "voltage_batterie", "temps_0_100", "conso_essence", "pression_injection")
# Means of a vehicle: measure, name in gold.
MEANS = (("temp_moteur", "temp_moyenne"), ("km_actuel", "km_actuel"),
         ("pression_huile", "pression_huile"), ("regime_moteur", "regime_moteur"),
         ("voltage_batterie", "voltage_batterie"), ("temps_0_100", "temps_0_100"),
         ("conso_essence", "conso_essence"), ("pression_injection", "pression_injection"))
INPUTS = ("temp_moyenne", "pression_huile", "regime_moteur", "voltage_batterie", "km_actuel",
          "km_depuis_revis", "temps_0_100", "conso_essence", "pression_injection")
REPORTING = ("vin", "temp_moyenne", "km_actuel", "pression_huile", "regime_moteur",
             "voltage_batterie", "temps_0_100", "conso_essence", "pression_injection",
             "date_last_revis", "type", "km_derniere_revis", "jours_revis", "modele", "annee",
             "age_score", "score_risque", "statut", "km_depuis_revis", "type_panne_predit",
             "prob_panne", "sante", "niveau_alerte", "km_avant_panne", "p_0", "p_1", "p_2", "p_3",
             "p_4", "p_5")
PARTS = ("", "Batterie", "Moteur", "Freins", "Turbo", "Injecteur")
PERIODS = (("jour", "event_date"), ("semaine", "week_start"), ("mois", "month_start"))


class Places:
    """Where a peer reads and writes."""

    def __init__(self):
        bronze, model, out = map(pathlib.Path, sys.argv[1:4])
        self.out, self.model = out, model
        self.messages = sorted(str(path) for path in (bronze / "json").iterdir()
                               if path.suffix in (".json", ".ndjson"))
        self.one_message_files = self.messages[0].endswith(".json")
        self.json = str(bronze / "json" / ("*.json" if self.one_message_files else "*.ndjson"))
        self.maintenance = str(bronze / "csv" / "maintenance.csv")
        self.lifetimes = str(bronze / "csv" / "piece_lifetime.csv")
        self.register = bronze / "sql" / "flotte.db"
        for folder in ("silver", "gold/aggregations"):
            (out / folder).mkdir(parents=True, exist_ok=True)

    def vehicles(self):
        """Rows vin, modele, annee; the newest row of a vehicle that has several."""
        with sqlite3.connect(self.register) as base:
            return base.execute("SELECT vin, min(modele), annee FROM vehicules v WHERE annee = "
                                "(SELECT max(annee) FROM vehicules w WHERE w.vin = v.vin) "
                                "GROUP BY vin, annee" if self._doubles(base) else
                                "SELECT vin, modele, annee FROM vehicules").fetchall()

    @staticmethod
    def _doubles(base):
        rows, vehicles = base.execute("SELECT count(*), count(DISTINCT vin) FROM vehicules").fetchone()
        return rows != vehicles


def predict(model, x, km_median):
    """The columns that the model and the rules add, for x[n][9]; km_median by part."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    votes = session.run(["output_probability"], {session.get_inputs()[0].name: x.astype(np.float32)})
    prob = np.round(np.asarray(votes[0], dtype=np.float64), 6)
    kind = prob.argmax(axis=1)
    sound = kind == 0
    p = np.where(sound, prob[:, 1:].max(axis=1), prob[np.arange(len(prob)), kind])
    left = np.trunc(np.array([np.nan] + [km_median.get(part, np.nan) for part in PARTS[1:]])[kind]
                    - x[:, INPUTS.index("km_depuis_revis")])
    left = np.select([left <= 0, p >= 0.7, p >= 0.4],
                     [0, np.minimum(left, 2000), np.trunc(left * 0.4)], np.trunc(left * 0.7))
    columns = {
        "type_panne_predit": kind.astype(np.int64),
        "prob_panne": p,
        "statut": np.select([sound, p >= 0.7, p >= 0.4], ["OK", "CRITIQUE", "ALERTE"],
                            "SURVEILLANCE"),
        "sante": (1000000 - np.round(p * 1e6).astype(np.int64)) // 10000,
        "niveau_alerte": np.select([p >= 0.7, p >= 0.5, p >= 0.3],
                                   ["URGENT", "ATTENTION", "SURVEILLANCE"], "NORMAL"),
        "km_avant_panne": np.where(sound, 30000, np.ceil(left / 250) * 250),
    }
    columns.update({f"p_{c}": prob[:, c] for c in range(prob.shape[1])})
    return columns
