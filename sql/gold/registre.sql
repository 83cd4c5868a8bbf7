-- The register, one row a vehicle.
-- grain: one vehicle; key: vin
-- sources: vehicules
-- rules: of conflicting rows (counted and reported) the newest model year wins, then the model's name
SELECT vin, modele, annee
FROM (
    SELECT
        vin,
        modele,
        annee,
        row_number() OVER (PARTITION BY vin ORDER BY annee DESC NULLS LAST, modele) AS rang
    FROM vehicules
) AS ranked
WHERE rang = 1
