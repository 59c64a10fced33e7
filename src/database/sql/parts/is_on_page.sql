-- part.is_on_page(j): whether a job belongs to a page of a listing. The filters offer no plan another index: each
-- of them may be null, and filters nothing then.
j.id <= bound AND j.id IS DISTINCT FROM after
AND (of_queue IS NULL OR j.queue = of_queue)
AND (of_state IS NULL OR j.state = of_state)
AND (of_name IS NULL OR j.name = of_name)
