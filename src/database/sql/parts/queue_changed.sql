-- part.queue_changed(queue): after an UPDATE of one queue: notifies the workers, or refuses when there is none.
IF NOT FOUND THEN
  RAISE EXCEPTION 'No queue is called %', quote_nullable(queue)
    USING ERRCODE = 'P0002', HINT = 'Declare it first, with declare of the library or chancy queue declare.';
END IF;
IF part.notify_room() THEN
  PERFORM pg_notify('chancy_chancy', 'queue.changed ' || queue);
END IF;
