DROP TABLE chancy.bulk_items;
DROP TABLE chancy.bulk_actions;
DROP TABLE chancy.audit;
