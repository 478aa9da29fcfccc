select *
from {{ ref('stg_operation_report') }}
qualify row_number() over (partition by plant, task_id order by report_day desc, began_utc desc) = 1
