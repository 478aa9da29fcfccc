with

runs as (
    select
        *,
        row_number() over of_unit as run_number,
        row_number() over of_unit = count(*) over (partition by plant, fleet, unit_id) as is_last
    from {{ ref('int_unit_state_run') }}
    window of_unit as (partition by plant, fleet, unit_id order by first_ts_utc, first_cycle)
)

select
    plant,
    fleet,
    unit_id,
    row_number() over (partition by plant, fleet, unit_id order by run_number) as stop_number,
    case when has_failed then 'failure' when has_overhaul then 'overhaul' else 'stopped' end as kind,
    first_ts_utc as from_ts_utc,
    case when not is_last then end_ts_utc end as to_ts_utc,
    {{ seconds_between('first_ts_utc', 'end_ts_utc') }} / 3600 as hours,
    first_cycle as from_cycle,
    case when not is_last then end_cycle end as to_cycle,
    end_cycle - first_cycle as n_cycles,
    run_number > 1 as is_start_known,
    is_last as is_open,
    has_gap
from runs
where not is_running
