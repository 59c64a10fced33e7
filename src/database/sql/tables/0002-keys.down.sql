DROP TABLE chancy.key_replacements;
DROP TABLE chancy.key_throttles;
