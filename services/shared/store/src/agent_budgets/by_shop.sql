select tenant_handle as "tenant_handle!", month as "month!", model as "model!", turns as "turns!",
    input_tokens as "input_tokens!", cache_write_tokens as "cache_write_tokens!",
    cache_read_tokens as "cache_read_tokens!", output_tokens as "output_tokens!", cost_nano as "cost_nano!",
    unknown as "unknown!", unknown_nano as "unknown_nano!"
from model_spend_of_shops($1, $2)
order by month desc, tenant_handle, model
