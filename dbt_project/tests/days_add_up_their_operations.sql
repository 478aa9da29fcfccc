with

operations as (
    select plant, plan_day, count(*) as n, count(*) filter (where is_done_in_day) as n_done_of_them
    from {{ ref('schedule_adherence') }}
    group by all
)

select *
from {{ ref('schedule_adherence_day') }}
full outer join operations using (plant, plan_day)
where
    coalesce(n, 0) != coalesce(n_planned, 0)
    or coalesce(n_done_of_them, 0) != coalesce(n_done, 0)
    or n_planned is null
