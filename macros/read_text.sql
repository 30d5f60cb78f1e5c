{#- Read a value from text. Unreadable text is NULL, never an error: one odd message
    must not fail a build. \z is the very end: $ also matches before a newline. -#}

{% macro read_whole_number(text) -%}
    case
        when trim({{ text }}) rlike '^[+-]?[0-9]+([.]0+)?\\z'
            then try_cast(substring_index(trim({{ text }}), '.', 1) as int)
    end
{%- endmacro %}

{#- A cast alone would also accept just a year, or a time of day as one of today. -#}
{% macro read_iso_timestamp(text) -%}
    case
        when
            trim({{ text }}) rlike
            '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?\\z'
            then {{ within_years_1_to_9999('try_cast(trim(' ~ text ~ ') as timestamp)') }}
    end
{%- endmacro %}

{#- Even try_cast throws an error if the exponent is too large for a decimal. -#}
{% macro read_epoch_seconds(text) -%}
    case
        when trim({{ text }}) rlike '^[+-]?[0-9]+([.][0-9]*)?([eE][+-]?[0-9]{1,2})?\\z'
            then {{ within_years_1_to_9999(
                'timestamp_micros(try_cast(round(try_cast(trim(' ~ text
                ~ ') as decimal(38, 18)), 6) * 1000000 as bigint))'
            ) }}
    end
{%- endmacro %}

{#- A zone offset can move a time out of these years. -#}
{% macro within_years_1_to_9999(moment) -%}
    case when year({{ moment }}) between 1 and 9999 then {{ moment }} end
{%- endmacro %}

{% macro if_unreadable(field, reading) -%}
    named_struct(
        'field_path', '{{ field }}', 'value', if({{ reading }} is null, {{ field }}, null)
    )
{%- endmacro %}
