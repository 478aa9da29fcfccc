-- A machine that stands cannot stop again: an overlap means that state readings are out of order or counted twice.
with

stops as (
    select
        *,
        lag(coalesce(to_ts_utc, 'infinity'::timestamptz)) over of_unit as previous_to_ts_utc,
        lag(coalesce(to_cycle, 9223372036854775807)) over of_unit as previous_to_cycle
    from {{ ref('downtime') }}
    window of_unit as (partition by plant, fleet, unit_id order by stop_number)
)

select plant, fleet, unit_id, stop_number, from_ts_utc, previous_to_ts_utc, from_cycle, previous_to_cycle
from stops
where from_ts_utc <= previous_to_ts_utc or from_cycle <= previous_to_cycle
