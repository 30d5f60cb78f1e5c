{#- A share is never NULL and lies between 0 and 1. -#}
{% test rate(model, column_name) %}

select *
from {{ model }}
where {{ column_name }} is null or {{ column_name }} not between 0 and 1

{% endtest %}
