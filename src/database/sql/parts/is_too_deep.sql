-- part.is_too_deep(value): whether an array or an object stands inside a hundred others.
jsonb_path_exists(value, 'strict $.**{100} ? (@.type() == "object" || @.type() == "array")')
