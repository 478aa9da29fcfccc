with

lives as (
    select * from {{ ref('stg_unit_life') }}
),

channels as (
    select
        channels.*,
        expected.n_expected,
        {{ share_of('channels.n_readings', 'expected.n_expected') }} as coverage_share
    from {{ ref('int_life_channel') }} as channels
    left join {{ ref('int_life_expected') }} as expected using (plant, fleet, life_id)
),

of_life as (
    select
        plant,
        fleet,
        life_id,
        sum(n_readings)::bigint as n_readings,
        sum(n_expected)::bigint as n_expected,
        avg(coverage_share) as coverage_share,
        min(coverage_share) as worst_channel_coverage_share,
        first(channel order by coverage_share, channel) filter (where coverage_share < 1) as worst_channel
    from channels
    group by all
),

measured as (
    select
        lives.plant,
        lives.fleet,
        lives.unit_id,
        lives.life,
        lives.life_id,
        lives.ended_by,
        lives.is_start_known,
        lives.first_ts_utc,
        lives.last_ts_utc,
        lives.n_cycles,
        coalesce(of_life.n_readings, 0) as n_readings,
        of_life.n_expected,
        of_life.coverage_share,
        of_life.worst_channel,
        of_life.worst_channel_coverage_share,
        coalesce(quarantined.n_quarantined, 0) as n_quarantined,
        coalesce(quarantined.n_quarantined, 0)
            / nullif(coalesce(of_life.n_readings, 0) + coalesce(quarantined.n_quarantined, 0), 0) as quarantined_share,
        coalesce(gaps.n_gaps, 0) as n_gaps
    from lives
    left join of_life using (plant, fleet, life_id)
    left join {{ ref('int_life_quarantine') }} as quarantined using (plant, fleet, life_id)
    left join {{ ref('int_life_gap') }} as gaps using (plant, fleet, life_id)
),

judged as (
    select
        *,
        list_filter(
            [
                case when not is_start_known then 'it was under way when the record began: its age is unknown' end,
                case ended_by
                    when 'failure' then null
                    when 'overhaul' then 'it ended by overhaul, before failure'
                    when 'open' then 'it is still running'
                    when 'cut' then 'it was cut off before failure'
                    else 'how it ended is not known'
                end,
                case when n_cycles < {{ var('least_cycles') }}
                    then printf('it has %d cycles, {{ var('least_cycles') }} are needed', n_cycles)
                end,
                case when coverage_share < {{ var('least_coverage_share') }}
                    then printf(
                        'only %s of its readings are there, {{ percent(var('least_coverage_share')) }} are needed',
                        {{ percent_of('coverage_share') }}
                    )
                end,
                case when worst_channel_coverage_share < {{ var('least_channel_coverage_share') }}
                    then printf(
                        'only %s of %s is there, {{ percent(var('least_channel_coverage_share')) }} are needed',
                        {{ percent_of('worst_channel_coverage_share') }}, worst_channel
                    )
                end,
                case when quarantined_share > {{ var('most_quarantined_share') }}
                    then printf(
                        '%s of its readings were quarantined, {{ percent(var('most_quarantined_share')) }} are allowed',
                        {{ percent_of('quarantined_share') }}
                    )
                end
            ],
            lambda reason: reason is not null
        ) as reasons
    from measured
)

select
    * exclude (reasons),
    len(reasons) = 0 as is_fit,
    case when not is_fit then array_to_string(reasons, '; ') end as why_not
from judged
