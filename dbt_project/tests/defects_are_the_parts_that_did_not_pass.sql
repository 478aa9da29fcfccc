with

causes as (
    select plant, product, sum(n_parts) as n_of_causes
    from {{ ref('inspection_defect_pareto') }}
    group by all
),

yields as (
    select plant, product, sum(n_parts - n_ok) as n_not_passed
    from {{ ref('inspection_yield_day') }}
    group by all
)

select *
from yields
full outer join causes using (plant, product)
where coalesce(n_of_causes, 0) != coalesce(n_not_passed, 0)
