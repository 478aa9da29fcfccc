with

planned as (
    select plant, plan_day, count(distinct task_id) as n_planned
    from {{ ref('stg_daily_schedule') }}
    inner join {{ ref('int_plan_day') }} as days using (plant, plan_day)
    where kind = 'operation' and end_utc <= days.day_ends_utc
    group by all
),

judged as (
    select plant, plan_day, count(*) as n_judged
    from {{ ref('schedule_adherence') }}
    group by all
)

select *
from planned
full outer join judged using (plant, plan_day)
where coalesce(n_planned, 0) != coalesce(n_judged, 0)
