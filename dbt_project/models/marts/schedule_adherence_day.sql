with

operations as (
    select
        plant,
        plan_day,
        count(*) as n_planned,
        count(*) filter (where is_done_in_day) as n_done,
        count(*) filter (where not was_begun) as n_to_begin,
        count(*) filter (where is_begun_on_time) as n_begun_on_time,
        count(*) filter (where is_begun) as n_begun,
        count(*) filter (where is_on_machine) as n_on_machine,
        avg(abs(start_deviation_min)) as mean_abs_start_deviation_min,
        median(abs(start_deviation_min)) as median_abs_start_deviation_min
    from {{ ref('schedule_adherence') }}
    group by plant, plan_day
),

orders as (
    select
        days.plant,
        days.plan_day,
        count(*) as n_orders_due,
        count(*) filter (where due.done_utc <= due.due_utc) as n_orders_on_time
    from {{ ref('int_plan_day') }} as days
    inner join {{ ref('int_order_due') }} as due
        on days.plant = due.plant and due.due_utc >= days.day_begins_utc and due.due_utc < days.day_ends_utc
    group by days.plant, days.plan_day
),

-- Only since the schedule was made last: what was done before is no longer in it.
unplanned as (
    select days.plant, days.plan_day, count(*) as n_unplanned
    from {{ ref('int_plan_day') }} as days
    inner join {{ ref('int_newest_report') }} as report
        on
            days.plant = report.plant
            and report.began_utc >= greatest(days.day_begins_utc, days.planned_from_utc)
            and report.began_utc < days.day_ends_utc
    anti join {{ ref('int_planned_operation') }} as plan
        on
            days.plant = plan.plant
            and days.plan_day = plan.plan_day
            and report.task_id = plan.task_id
            and plan.begins_in_day
    group by days.plant, days.plan_day
)

select
    plant,
    plan_day,
    schedule_id,
    planned_from_utc,
    is_over,
    coalesce(n_planned, 0) as n_planned,
    coalesce(n_done, 0) as n_done,
    {{ share_of("n_done", "n_planned") }}::double as done_share,
    coalesce(n_to_begin, 0) as n_to_begin,
    coalesce(n_begun_on_time, 0) as n_begun_on_time,
    {{ share_of("n_begun_on_time", "n_to_begin") }}::double as begun_on_time_share,
    {{ share_of("n_on_machine", "n_begun") }}::double as on_machine_share,
    mean_abs_start_deviation_min,
    median_abs_start_deviation_min,
    coalesce(n_orders_due, 0) as n_orders_due,
    coalesce(n_orders_on_time, 0) as n_orders_on_time,
    {{ share_of("n_orders_on_time", "n_orders_due") }}::double as orders_on_time_share,
    coalesce(n_unplanned, 0) as n_unplanned
from {{ ref('int_plan_day') }}
left join operations using (plant, plan_day)
left join orders using (plant, plan_day)
left join unplanned using (plant, plan_day)
