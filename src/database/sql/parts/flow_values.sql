-- part.flow_values(p): what a push writes into each column of workflows, of the plan p.plan.
(p.plan ->> 'id')::uuid, jsonb_array_length(p.plan -> 'steps'), jsonb_array_length(p.plan -> 'steps'),
(p.plan ->> 'priority')::int,
chancy.now_1() + make_interval(secs => (p.plan ->> 'deadlineMs')::float8 / 1000),
make_interval(secs => (p.plan ->> 'retentionMs')::float8 / 1000), (p.plan ->> 'once')::boolean,
p.plan ->> 'onFailure' = 'cancel', p.plan ->> 'name', p.plan ->> 'uniqueKey',
nullif((p.plan ->> 'meta')::jsonb, '{}'),
jsonb_build_object('output', jsonb_build_object('value', (p.plan #>> '{output,value}')::jsonb,
                                                'holes', p.plan #> '{output,holes}'))
