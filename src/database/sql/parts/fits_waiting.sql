-- part.fits_waiting(j): whether a job that waits or runs fits the filter f. What is measured of an attempt is known of
-- finished jobs alone.
part.fits_any(j)
AND (f.finished IS NULL OR f.finished_null)
AND (f.wall IS NULL OR f.wall_null)
AND (f.cpu IS NULL OR f.cpu_null)
AND (f.memory IS NULL OR f.memory_null)
