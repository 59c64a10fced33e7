-- part.living_workers: the workers with a lease, as JSON.
coalesce((SELECT jsonb_agg(jsonb_build_object('tags', w.tags, 'names', w.names,
                                              'queues', w.queues,
                                              'refusals', w.refusals))
            FROM chancy.workers w
           WHERE w.revoked_at IS NULL AND w.expires_at > at), '[]')::text
