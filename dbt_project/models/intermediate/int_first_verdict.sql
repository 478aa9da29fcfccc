-- At its station a verdict's number tells the order. Between stations only clocks do, and a clock that was set back
-- must not put a later verdict before an earlier one: so the latest time that a station has told so far is taken.
with

ordered as (
    select
        *,
        max(concluded_ts_utc) over (
            partition by plant, station order by sequence rows between unbounded preceding and current row
        ) as settled_ts_utc,
        -- A part without a name is a part of its own.
        coalesce(nullif(part_id, ''), printf('%s #%d', station, sequence)) as part
    from {{ ref('stg_inspection_verdict') }}
)

select
    * exclude (settled_ts_utc, part),
    concluded_ts_utc::date as verdict_day,
    row_number() over (
        partition by plant, product, part order by settled_ts_utc, station, sequence
    ) = 1 as is_first
from ordered
