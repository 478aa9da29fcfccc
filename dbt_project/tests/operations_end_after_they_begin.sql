{{ config(severity='warn') }}

select *
from {{ ref('schedule_adherence') }}
where actual_end_utc < actual_start_utc
