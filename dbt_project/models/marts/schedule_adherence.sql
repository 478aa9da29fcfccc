{%- set on_time_within_min = var('on_time_within_min') -%}

with

compared as (
    select
        *,
        -- What had begun when the schedule was made stands in it as it began: there is nothing to compare.
        if(was_begun, null, {{ seconds_between('planned_start_utc', 'actual_start_utc') }} / 60) as start_deviation_min,
        {{ seconds_between('planned_end_utc', 'actual_end_utc') }} / 60 as end_deviation_min
    from {{ ref('int_planned_operation') }}
    where ends_in_day
)

select
    plant,
    plan_day,
    schedule_id,
    order_id,
    task_id,
    due_utc,
    was_begun,
    planned_machine_id,
    planned_start_utc,
    planned_end_utc,
    actual_machine_id,
    actual_start_utc,
    actual_end_utc,
    start_deviation_min::double as start_deviation_min,
    end_deviation_min::double as end_deviation_min,
    actual_machine_id = planned_machine_id as is_on_machine,
    actual_start_utc is not null as is_begun,
    actual_end_utc is not null as is_done,
    coalesce(actual_end_utc <= day_ends_utc, false) as is_done_in_day,
    -- Not begun yet on a day that goes on says nothing; afterwards it says no.
    case
        when was_begun then null
        when start_deviation_min is not null then abs(start_deviation_min) <= {{ on_time_within_min }}
        when is_over then false
    end as is_begun_on_time,
    case
        when end_deviation_min is not null then end_deviation_min > {{ on_time_within_min }}
        when is_over then true
    end as is_late,
    is_over
from compared
