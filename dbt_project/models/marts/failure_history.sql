with

lives as (
    select
        *,
        count(*) filter (where ended_by = 'failure') over so_far as failure_number,
        -- Operating cycles of the unit up to and with this life, overhauled lives included.
        sum(n_cycles) over so_far as n_unit_cycles
    from {{ ref('stg_unit_life') }}
    window so_far as (partition by plant, fleet, unit_id order by life)
),

failures as (
    select
        plant,
        fleet,
        unit_id,
        life,
        life_id,
        last_ts_utc as failed_at_ts_utc,
        last_cycle as failed_at_cycle,
        n_cycles,
        failure_number,
        (n_unit_cycles - coalesce(lag(n_unit_cycles) over of_unit, 0))::bigint as n_cycles_since_previous_failure,
        date_diff('second', lag(last_ts_utc) over of_unit, last_ts_utc) / 3600 as hours_since_previous_failure
    from lives
    where ended_by = 'failure'
    window of_unit as (partition by plant, fleet, unit_id order by life)
),

-- What the fleet had lived through when the unit failed. Archives have no common clock: there it is all lives.
exposures as (
    select
        failures.plant,
        failures.life_id,
        failures.failed_at_ts_utc is null or lives.last_ts_utc <= failures.failed_at_ts_utc as is_over,
        lives.ended_by = 'failure' and is_over as has_failed,
        case
            when is_over then lives.n_cycles
            -- A life in progress has spent its cycles in proportion to time.
            else lives.n_cycles
                * date_diff('second', lives.first_ts_utc, failures.failed_at_ts_utc)
                / date_diff('second', lives.first_ts_utc, lives.last_ts_utc)
        end as n_cycles_to_date
    from failures
    inner join lives
        on failures.plant = lives.plant
        and failures.fleet = lives.fleet
        and (failures.failed_at_ts_utc is null or lives.first_ts_utc <= failures.failed_at_ts_utc)
),

fleet_to_date as (
    select
        plant,
        life_id,
        count(*) filter (where has_failed) as n_fleet_failures_to_date,
        count(*) filter (where not has_failed) as n_fleet_censored_lives_to_date,
        sum(n_cycles_to_date)::double as fleet_exposure_cycles_to_date
    from exposures
    group by all
)

select
    failures.*,
    fleet_to_date.n_fleet_failures_to_date,
    fleet_to_date.n_fleet_censored_lives_to_date,
    fleet_to_date.fleet_exposure_cycles_to_date,
    fleet_to_date.fleet_exposure_cycles_to_date / fleet_to_date.n_fleet_failures_to_date
        as fleet_mean_cycles_between_failures_to_date
from failures
inner join fleet_to_date using (plant, life_id)
