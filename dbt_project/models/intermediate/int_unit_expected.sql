with

seen as (
    select
        plant,
        fleet,
        unit_id,
        min(first_ts_utc) as first_ts_utc,
        max(last_ts_utc) as last_ts_utc,
        min(first_cycle) as first_cycle,
        max(last_cycle) as last_cycle
    from {{ ref('int_unit_channel_span') }}
    group by all
),

running as (
    select
        runs.plant,
        runs.fleet,
        runs.unit_id,
        {{ seconds_between('runs.first_ts_utc', 'runs.end_ts_utc') }} as run_s,
        runs.end_cycle - runs.first_cycle as run_cycles
    from {{ ref('int_unit_state_run') }} as runs
    where runs.is_running
),

running_of_unit as (
    select plant, fleet, unit_id, sum(run_s) as running_s, sum(run_cycles) as running_cycles
    from running
    group by all
)

select
    seen.*,
    case
        when seen.first_cycle is not null then seen.last_cycle - seen.first_cycle + 1
        else round({{ seconds_between('seen.first_ts_utc', 'seen.last_ts_utc') }} / fleets.sample_period_s) + 1
    end as n_expected,
    case
        when fleets.state_channel is null then n_expected
        when seen.first_cycle is not null then running_of_unit.running_cycles
        else round(running_of_unit.running_s / fleets.sample_period_s)
    end as n_expected_while_running
from seen
left join {{ ref('stg_fleet_catalogue') }} as fleets using (plant, fleet)
left join running_of_unit using (plant, fleet, unit_id)
