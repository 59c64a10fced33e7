-- part.read_committed_only: refuses to run where a statement does not see what an earlier one waited for.
IF current_setting('transaction_isolation') <> 'read committed' THEN
  RAISE EXCEPTION 'the engine needs READ COMMITTED' USING ERRCODE = 'CH001';
END IF;
