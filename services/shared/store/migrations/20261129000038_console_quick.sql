-- What the console's pages are read by.

-- Dead letters that nobody has seen to, counted by their cause: from the index alone, without the letters themselves,
-- each of which is a page of its own.
create index dead_letters_causes on dead_letters (fingerprint, code, task, dead_at) where resolution is null;

-- Among a hundred thousand shops those whose handle or domain begins so, and those in a state that few are in.
create index tenants_handle_begins on tenants (handle text_pattern_ops);
create index tenants_domain_begins on tenants (shop_domain text_pattern_ops);
create index tenants_of_state on tenants (state, handle);
