select
    days.plant,
    days.plan_day,
    days.schedule_id,
    days.is_over,
    plan.order_id,
    plan.task_id,
    plan.due_utc,
    plan.machine_id as planned_machine_id,
    plan.start_utc as planned_start_utc,
    plan.end_utc as planned_end_utc,
    plan.start_utc < days.planned_from_utc as was_begun,
    plan.start_utc < days.day_ends_utc as begins_in_day,
    plan.end_utc <= days.day_ends_utc as ends_in_day,
    days.day_ends_utc,
    report.machine_id as actual_machine_id,
    report.began_utc as actual_start_utc,
    report.ended_utc as actual_end_utc
from {{ ref('int_plan_day') }} as days
inner join {{ ref('stg_daily_schedule') }} as plan using (plant, plan_day)
left join {{ ref('int_newest_report') }} as report on days.plant = report.plant and plan.task_id = report.task_id
where plan.kind = 'operation'
