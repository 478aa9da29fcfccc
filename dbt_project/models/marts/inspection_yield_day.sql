select
    plant,
    product,
    station,
    verdict_day,
    count(*) filter (where is_first) as n_parts,
    count(*) filter (where is_first and verdict = 'ok') as n_ok,
    count(*) filter (where is_first and verdict = 'nok' and failure is null) as n_nok,
    count(*) filter (where is_first and verdict = 'classified') as n_classified,
    count(*) filter (where is_first and failure is not null) as n_fail_safe,
    count(*) filter (where not is_first) as n_repeats,
    -- A product without a label for sound parts has no yield.
    {{ share_of("n_ok", "n_parts - n_classified") }} as first_pass_yield,
    {{ share_of("n_fail_safe", "n_parts") }} as fail_safe_share,
    median(total_ms) as median_total_ms,
    max(total_ms) as max_total_ms
from {{ ref('int_first_verdict') }}
group by plant, product, station, verdict_day
