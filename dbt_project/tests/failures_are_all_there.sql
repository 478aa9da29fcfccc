-- One row for each life that ended by failure, no more and no less.
select life_id
from {{ source('lake', 'unit_life') }} as lives
full outer join {{ ref('failure_history') }} as failures using (plant, life_id)
where (coalesce(lives.ended_by, '') = 'failure') != (failures.failure_number is not null)
