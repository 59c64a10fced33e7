-- part.is_alive(w): whether a worker has a lease.
w.revoked_at IS NULL AND w.expires_at > chancy.now_1()
