-- What the server keeps of the fleet's texts, but the reasons.
-- grain: one vehicle; key: vin
-- sources: reporting_final
-- rules: in the order of the file
SELECT vin, type, modele, statut, niveau_alerte
FROM reporting_final
