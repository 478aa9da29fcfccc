with

told as (
    select plant, max(report_day) as last_report_day
    from {{ ref('stg_operation_report') }}
    group by plant
),

ids as (
    select plant, plan_day, any_value(schedule_id) as schedule_id
    from {{ ref('stg_daily_schedule') }}
    group by plant, plan_day
)

select
    plant,
    plan_day,
    schedule_id,
    planned_from_utc,
    timezone(timezone, plan_day + day_begins) as day_begins_utc,
    timezone(timezone, plan_day + 1 + day_begins) as day_ends_utc,
    coalesce(last_report_day > plan_day, false) as is_over
from {{ ref('stg_scheduling_problem') }}
inner join {{ ref('stg_planning_calendar') }} using (plant)
left join ids using (plant, plan_day)
left join told using (plant)
