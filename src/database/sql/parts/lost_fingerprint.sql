-- part.lost_fingerprint(name): the fingerprint of a job whose workers were lost, as core/fingerprint.ts makes it.
left(encode(sha256(convert_to(
  '[' || to_json(name::text)::text || ',"crash","AttemptError","","The worker of this job was lost <n> times.",[]]',
  'UTF8')), 'hex'), 16)
