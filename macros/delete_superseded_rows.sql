{% macro delete_superseded_rows() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as responses
        where exists (
            select 1
            from {{ ref('int_attempts__deduplicated') }} as newest
            where
                newest.attempt_id = responses.attempt_id
                and (
                    newest._kafka_partition != responses._kafka_partition
                    or newest._kafka_offset != responses._kafka_offset
                )
        )
    {%- endif -%}
{%- endmacro %}
