-- The days of one vehicle, latest first.
-- grain: one day; key: event_date
-- sources: vehicule_jour
-- rules: $1 is the VIN; at most 400 days
SELECT
    event_date,
    messages,
    temp_moteur,
    vitesse,
    km_actuel,
    pression_huile,
    regime_moteur,
    voltage_batterie,
    temps_0_100,
    conso_essence,
    pression_injection
FROM vehicule_jour
WHERE vin = $1
ORDER BY event_date DESC
LIMIT 400
