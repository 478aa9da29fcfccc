-- An order leaves the schedule when it is done. It is done when all that its last schedule held is done.
with

last_planned as (
    select plant, order_id, task_id, due_utc
    from {{ ref('stg_daily_schedule') }}
    where kind = 'operation'
    qualify plan_day = max(plan_day) over (partition by plant, order_id)
),

ends as (
    select plant, order_id, max(ended_utc) as last_end_utc
    from {{ ref('int_newest_report') }}
    group by plant, order_id
)

select
    plan.plant,
    plan.order_id,
    max(plan.due_utc) as due_utc,
    if(bool_and(report.ended_utc is not null), max(ends.last_end_utc), null) as done_utc
from last_planned as plan
left join {{ ref('int_newest_report') }} as report on plan.plant = report.plant and plan.task_id = report.task_id
left join ends on plan.plant = ends.plant and plan.order_id = ends.order_id
group by plan.plant, plan.order_id
