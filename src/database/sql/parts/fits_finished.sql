-- part.fits_finished(j): whether a job that has finished fits the filter f.
part.fits_any(j)
AND (f.finished IS NULL OR width_bucket(date_part('epoch', j.finished_at) * 1000, f.finished) % 2 = 1)
AND (f.wall IS NULL OR coalesce(width_bucket(j.wall_ms, f.wall) % 2 = 1, f.wall_null))
AND (f.cpu IS NULL OR coalesce(width_bucket(j.cpu_ms, f.cpu) % 2 = 1, f.cpu_null))
AND (f.memory IS NULL OR coalesce(width_bucket(j.peak_bytes, f.memory) % 2 = 1, f.memory_null))
