-- part.present_workers: the workers with a lease, as JSON, and which of them are paused.
coalesce((SELECT jsonb_agg(jsonb_build_object('id', w.id, 'label', w.label, 'tags', w.tags, 'names', w.names,
                                              'queues', w.queues, 'refusals', w.refusals, 'paused', w.paused)
                           ORDER BY w.started_at, w.id)
            FROM chancy.workers w
           WHERE w.revoked_at IS NULL AND w.expires_at > at), '[]')::text
