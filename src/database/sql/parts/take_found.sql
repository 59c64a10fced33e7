-- part.take_found(at): what find_jobs does with a row of its scan. `at` is where the scan continues behind it.
scanned := scanned + 1;
IF one.fits THEN
  id := one.id;
  place := at;
  RETURN NEXT;
  shown := shown + 1;
  IF shown >= size THEN
    RETURN;
  END IF;
END IF;
IF scanned % 256 = 0 AND chancy.clock_1() > deadline THEN
  id := NULL;
  place := at;
  RETURN NEXT;
  RETURN;
END IF;
