-- Which twins, identities and ledger entries the users of a role may touch; texts of the rule language. Null is no rule.
ALTER TABLE roles ADD COLUMN twin_rule TEXT;
ALTER TABLE roles ADD COLUMN identity_rule TEXT;
ALTER TABLE roles ADD COLUMN entry_rule TEXT;
