-- Checked for each row that is written: a comparison of its state, and nothing else where it did not fail.
CREATE TRIGGER dead_letters AFTER INSERT ON chancy.finished_jobs
  FOR EACH ROW WHEN (NEW.state = 'failed' AND NEW.extras ? 'dead_letter')
  EXECUTE FUNCTION chancy.push_dead_letter_1();
