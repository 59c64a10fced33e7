-- part.fingerprint_of(error): the column of the fingerprint that an error, a JSON text, carries as hexadecimal digits.
('x' || left(error::jsonb ->> 'fingerprint', 16))::bit(64)::bigint
