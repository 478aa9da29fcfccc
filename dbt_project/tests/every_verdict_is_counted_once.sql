with

told as (
    select plant, product, station, count(distinct sequence) as n_verdicts
    from {{ ref('stg_inspection_verdict') }}
    group by all
),

counted as (
    select plant, product, station, sum(n_parts + n_repeats) as n_counted
    from {{ ref('inspection_yield_day') }}
    group by all
)

select *
from told
full outer join counted using (plant, product, station)
where coalesce(n_verdicts, 0) != coalesce(n_counted, 0)
